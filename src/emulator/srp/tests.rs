//! The vectors V1 to V5 of the protocol page (2.7), from the server's side.

use super::*;

struct Vector {
    account: &'static str,
    password: &'static str,
    protocol: Protocol,
    salt: &'static str,
    iterations: u32,
    b: &'static str,
    v: &'static str,
    a_public: &'static str,
    b_public: &'static str,
    /// (m1, m2) padded, then minimal.
    proofs: [(&'static str, &'static str); 2],
}

fn unhex(text: &str) -> Vec<u8> {
    BigUint::parse_bytes(format!("1{text}").as_bytes(), 16)
        .unwrap()
        .to_bytes_be()[1..]
        .to_vec()
}

#[test]
fn agrees_with_the_vectors_of_the_protocol_page() {
    for (number, vector) in VECTORS.iter().enumerate() {
        let salt = unhex(vector.salt);
        let v = verifier(vector.password, &salt, vector.iterations, vector.protocol);
        assert_eq!(hex(&v), vector.v, "v of V{}", number + 1);
        let exchange = Exchange::new(&v, &unhex(vector.b));
        assert_eq!(
            hex(&exchange.public(Encoding::Padded)),
            vector.b_public,
            "B of V{}",
            number + 1
        );
        let a = unhex(vector.a_public);
        let both = exchange.proofs(vector.account, &salt, &a, Encoding::Both);
        for (proof, expected) in both.iter().zip(vector.proofs) {
            assert_eq!(hex(&proof.m1), expected.0, "M1 of V{}", number + 1);
            assert_eq!(hex(&proof.m2), expected.1, "M2 of V{}", number + 1);
        }
        let padded = exchange.proofs(vector.account, &salt, &a, Encoding::Padded);
        let minimal = exchange.proofs(vector.account, &salt, &a, Encoding::Minimal);
        assert_eq!(both, [padded, minimal].concat());
        // Numbers without their zero bytes mean the same on the wire.
        let trimmed: Vec<u8> = a.iter().copied().skip_while(|&byte| byte == 0).collect();
        assert_eq!(
            exchange.proofs(vector.account, &salt, &trimmed, Encoding::Both),
            both
        );
        assert_eq!(exchange.short_public(), number == 3);
        assert_eq!(exchange.short_secret(&a), number == 4);
    }
}

#[test]
fn a_public_value_of_zero_gets_no_proof() {
    let exchange = Exchange::new(&[7], &[9]);
    assert!(
        exchange
            .proofs("a@example.com", b"salt", &[0], Encoding::Both)
            .is_empty()
    );
    assert!(
        exchange
            .proofs("a@example.com", b"salt", &pad(&N), Encoding::Both)
            .is_empty()
    );
}

const VECTORS: [Vector; 5] = [
    Vector {
        account: "vector.one@example.com",
        password: "correct horse battery staple",
        protocol: Protocol::S2k,
        salt: "beb25379d1a8581eb5a727673a2441ee",
        iterations: 20136,
        b: "e487cb59d31ac550471e81f00f6928e01dda08e974a004f49e61f5d105284d20",
        v: "911d8f1db8240286aac2906406f1368341f255528fd62cb1f1a61fdbdef90596bc924336f4b92f7973081c3283dbef4c8bc841457e9bdd4f0c23178e0915c237f813d1603c41edecadfcb5fb09cf9c2d8806a54dd4387d688c985e84ac71a6c11dd3b74f3b2e398e1dae67f4dd903f747cd3b7aa9ae43657ff25e95c1c311dd03ab8b392efa5857a72c1c7e94de5e7c0afab44011516422bcba76e920730c91b1c88f57746f0c80a298ce550655064be2f036edb00f7a221a4d341b4d2a25675c0ea9cf6b94e1d203263ba2223d970432c24b456c2f6db2a42707ff558e1ae35cb48f34c4c4054abd207beb12228eeee8009cd10d157a3f70441681ebb7d8c96",
        a_public: "4b700f8d48e69c9aae40c684ac7c7c03121e2b7602eb4c3514804ccada0ed4019193a351ecc65a6f854ede91eb096e721b22d701c7adc64e9cedacd75f2e26bb2f5e45dd53dc8dbeafffe82aa49fca0573444691212537a73cf80e25039258205a7edf4749b30adaf25877c62fcd09d6613598bcd4baf2a9727a53706a278148992b2abb23ad5d512d269e16ca11bc0895b5a3b5ec4721cde40a8c39c796e94f0be86dbbeb33da7037018983921aba3f5053195d5ac1da4e567e3c0e75d9e0609f92e850657b2be4771f415b9cacc5c1ecedc30133bf6474f5022c6519d780760ca4d8d3b966b034bd73877c1b3b33f474b9c3c5299a1968f3e6cd3bfe84445a",
        b_public: "94a6ba56e7f33fcc760e2a9183180143c0326289499168f5fe2774c3fe99e6a82ca0b4b54d35e0a0b89dbe96c6994578390b3b820a00e38c316aa4393d273e9266b17354e394f4dc14c700ba1e8bce2b8a397925749fc1e402eab2f093a67850051efc5d994c87486cecd9de8aa44d7dda066ed6d4ab46518e8d481a6b51d12f74fc2350daaf14cf2a2cc5779b891c538cd6c27cf6ee6257ff7cfc55d41661bff08ffd0a8baeffd1835c68ec0dc8b89c64211aab3295f759f1f59d982f73dc5bcf03c3e0dc8e04b0c4f8b8ecff0401f247a4837dfb6c36146175b1280ec310a86369e3e8ad28d9fa2a499bca27e3eaee764bc7f2fbcfefbf5cb073689a4e3008",
        proofs: [
            (
                "780e2531128d733b721541d540b2f7eddd5859ea9bf8c50744160058fbd24782",
                "1d1786985f1659913d3645b5f62cfae92045fec4f646e4e844f903e251b67ec1",
            ),
            (
                "780e2531128d733b721541d540b2f7eddd5859ea9bf8c50744160058fbd24782",
                "1d1786985f1659913d3645b5f62cfae92045fec4f646e4e844f903e251b67ec1",
            ),
        ],
    },
    Vector {
        account: "vector.two@example.com",
        password: "Pässwört-Ünï €7",
        protocol: Protocol::S2kFo,
        salt: "9f3a1c5577e0d2b84c61a0fe3392bd10",
        iterations: 1000,
        b: "e487cb59d31ac550471e81f00f6928e01dda08e974a004f49e61f5d105284d20",
        v: "6f5b2a8b7c7d3645397e178a1ff0e478d672ff85f537b21c87de0268049e24e0eac7f06f12b445e9a2ce79e6f504f27292529ab8caf9ca4207a517d951531a8af5e2cb2ea2145a6f02157712ede2156df1a092f00c54edb39d1f72e5c5a440ab184e174f42b17e1f4db6fc60938d490f4b21b945ad56422fc30e77d5f7eb4c75594956972a2ace6d3c1b43b06e10e12811ad78e2cd0b948e7934df4a6f8aed1738cbc7cc603eaa2f189c09293b90a5df001b8488eea1279c2c0523f1da05c452d95a5523e703c457ebed0c0ba09e5e4a9a00f714ff45c33d2afd6b3d35f2113749b585deb5f97d1cf278f5945c777a95dbf0ab8636f43db5573d5f1f88b68d91",
        a_public: "4b700f8d48e69c9aae40c684ac7c7c03121e2b7602eb4c3514804ccada0ed4019193a351ecc65a6f854ede91eb096e721b22d701c7adc64e9cedacd75f2e26bb2f5e45dd53dc8dbeafffe82aa49fca0573444691212537a73cf80e25039258205a7edf4749b30adaf25877c62fcd09d6613598bcd4baf2a9727a53706a278148992b2abb23ad5d512d269e16ca11bc0895b5a3b5ec4721cde40a8c39c796e94f0be86dbbeb33da7037018983921aba3f5053195d5ac1da4e567e3c0e75d9e0609f92e850657b2be4771f415b9cacc5c1ecedc30133bf6474f5022c6519d780760ca4d8d3b966b034bd73877c1b3b33f474b9c3c5299a1968f3e6cd3bfe84445a",
        b_public: "916704622937f036939c45b0787b972e8fcc53406509396eb52c26dc3a38a270657b839a8e5887f88b7d91c0b3ef94e56712170097224e172c8eb305ad67da90e8d80ffb3c1e8bcad6ab1dbc045983328ab19281f512aede4afdd904843fcab3cd5b691db349594a57a405ac077e2ff41ad97ab527699a6d901cf2762496489fdc76e4e2cc1517ae83ba81928746e2abbd3551b908b0e0966df24438cc534b299513d8df3854c54ea24e916c946e0ee6b7e3cdda4235ba1ffe14300f4dbeb5a76f29102450da0e0f4a95231b51bae7c82fb8b3bebb72481d1c13a84645ab08b894d0aac2d3158dfd38796d2b70655698bc1a03cf8479232f12cd6c94171053b5",
        proofs: [
            (
                "7f93517c8b2b24cba07d942957c4f4a81a2f58ead4d4adb1090cbf56346d5494",
                "1a5fbad8fdea48dc12960f39bac6e9ba5d7baa171d66577f34efc91f5ccb138e",
            ),
            (
                "7f93517c8b2b24cba07d942957c4f4a81a2f58ead4d4adb1090cbf56346d5494",
                "1a5fbad8fdea48dc12960f39bac6e9ba5d7baa171d66577f34efc91f5ccb138e",
            ),
        ],
    },
    Vector {
        account: "vector.three@example.com",
        password: "hunter2",
        protocol: Protocol::S2k,
        salt: "1d2c3b4a5968778695a4b3c2d1e0ff0f",
        iterations: 2048,
        b: "e487cb59d31ac550471e81f00f6928e01dda08e974a004f49e61f5d105284d20",
        v: "86da1bb92429587cc1fc695bf75f6cab21238001431e9d8ac041f3bc896482dd8492e5fd7a2a9a4bf78cd28c7fee30549a0ab8d77672d9f55e26a65324b61230ba778bf70bec54548533b06ed152442df4ab5503d4fda35f8dffc4d4438298ee7d132ee28aa3e2dd20fe38b0cd43cc041f47db935c0791b55546d3c651589d5cac05663d23954c7362e2a57954cae68aa97e4d7df344616bede08f4095a5baab8c422e14104c183a5dd7cc8dab2c6b892f5af79966779d17aed71a42d21d97db401eec89ba520f9e1eab7297b699c2a9fd6e238cd881ca23428c09badc42318b31805ac6896dcb7d81981dfbf8b66468621924b9430d59e7c34becba33e7967c",
        a_public: "0009dcbc351283bff83f3f91ca37a71d8fea01fd6366bcf3e5dd83d3d18ad05243999c3b231362e2707edac1ad56816cf3c3c1624723e671a473841d8b58b0a9ae122a3039893e7f502f40457c59719e7fff02d3bfe7c7a028983272d052f0ad01138795ce61817bd042fb9dbbf419c7dddc3bcd0d6c4a9157d56093af768c262d6f02733a3372869817808f120b85a3791ae7dbe69131234a62c2ae2a299d3d0117a8feb488000057aa77dce7162967f1cf6a8fe7f741be904e2878e1c48a579597584920477b456b46f64dbf6c96806596dcf717292dae0646ecc2e0cda5d4b1a45802cdc18dc78548069e7e09449767977763afa99943f54f0da3a672bd7f",
        b_public: "7d3a2b951a1fb9c8ced039968df2237d9ac8e9bc8e5419e459135378eaf66b35c9e68a223c05dc563aa52b1c50db2e97e4edd2f4e3ead61466c12a475fa6826f5aac2312170e81b215360af1a4d7df400a5ab9268e30ca22088487e4d50f07d7f8382f09c9971fa8bf6331367fd69bc2d4eaa110c821f477673fdc3764041e6bd46f6d7c1cd6d9159f9dffd52d1a9788af8365c1f04dcaf601f6406f8da5fd68b62b9ac8141e79aff0c947327e78b9260281f5747a8c4f5eaf572258d9dd5deba2ec77a2a8309346349bc7ec42199a20ca519ce48e44302108c8d30fb48d2d7aae0bfd9ad3c1e74fa02151ecf1037a63c6f007e003f499b8c47cbb413879f046",
        proofs: [
            (
                "549f346d15b0f7e84b42a9adc3726e1e6a156877579c2dda321ad88c63ad6656",
                "7412d7a0fcc32bec371d1ec7fae07ff53eee2b2061c6b9f9766316a9d8123f0a",
            ),
            (
                "35a3ad350828aac76c050efff91ed67cb06233336e654fdc566ddd50fa4e5b65",
                "686378921aaa2777b85e0cf4d82da482ceb801ef722bcb49b09ad6a4a495ce26",
            ),
        ],
    },
    Vector {
        account: "vector.four@example.com",
        password: "hunter2",
        protocol: Protocol::S2k,
        salt: "1d2c3b4a5968778695a4b3c2d1e0ff0f",
        iterations: 2048,
        b: "34a51506d95d811f71db8df5dddbcbf464d2d2a6d0ee09c85d896af9d4536326",
        v: "86da1bb92429587cc1fc695bf75f6cab21238001431e9d8ac041f3bc896482dd8492e5fd7a2a9a4bf78cd28c7fee30549a0ab8d77672d9f55e26a65324b61230ba778bf70bec54548533b06ed152442df4ab5503d4fda35f8dffc4d4438298ee7d132ee28aa3e2dd20fe38b0cd43cc041f47db935c0791b55546d3c651589d5cac05663d23954c7362e2a57954cae68aa97e4d7df344616bede08f4095a5baab8c422e14104c183a5dd7cc8dab2c6b892f5af79966779d17aed71a42d21d97db401eec89ba520f9e1eab7297b699c2a9fd6e238cd881ca23428c09badc42318b31805ac6896dcb7d81981dfbf8b66468621924b9430d59e7c34becba33e7967c",
        a_public: "4b700f8d48e69c9aae40c684ac7c7c03121e2b7602eb4c3514804ccada0ed4019193a351ecc65a6f854ede91eb096e721b22d701c7adc64e9cedacd75f2e26bb2f5e45dd53dc8dbeafffe82aa49fca0573444691212537a73cf80e25039258205a7edf4749b30adaf25877c62fcd09d6613598bcd4baf2a9727a53706a278148992b2abb23ad5d512d269e16ca11bc0895b5a3b5ec4721cde40a8c39c796e94f0be86dbbeb33da7037018983921aba3f5053195d5ac1da4e567e3c0e75d9e0609f92e850657b2be4771f415b9cacc5c1ecedc30133bf6474f5022c6519d780760ca4d8d3b966b034bd73877c1b3b33f474b9c3c5299a1968f3e6cd3bfe84445a",
        b_public: "005d79130b1d7d55a325fe880f9bf4475f710db8c55901aac340e1eb29de15925526342bdfe28027e102f7bf06095fc160dd234a834b9f5ed99fbdf6a357babdbd80f705d96e91ed3cc0d493e7559f6e8d1a8fd438c31baaea3878e41077c290d7c5cfc150309e72c664c94d80ee11bdc6f9d6ac39a28a674a6e52c3f1a021bafc0dfd7e035c4b53c89641b90df768466c21a9ebecba58ac7bda4b215be9412ae410887a98909c6b19039276c922c7c24651ae6db32ca3adf212d7b230343795910ac0651025f92dcac8d8fcfc0797665e53b2b41a9cde5acea53e2bcc97386271fed8c096f177acdf831182aa4384a473e6b4635ada1f178586403b505d7b1e",
        proofs: [
            (
                "5f06ca8bb645dc2699ec0b91e2b82a188851c3a32e4dcea9c964e2d818798f96",
                "579f077add5ebb33f4545742655feca9ee02560e80a6e3de36a2f79d58ed0666",
            ),
            (
                "ca4a791e8f4bfc382474c6c4547b79233b9c23c542dde8d2d0efe2b7fec443e3",
                "0d0d4a18f574c128bbdb2f5715908fa9a4783e8d72e21ec70ec0a35bafcb6a15",
            ),
        ],
    },
    Vector {
        account: "vector.five@example.com",
        password: "hunter2",
        protocol: Protocol::S2k,
        salt: "1d2c3b4a5968778695a4b3c2d1e0ff0f",
        iterations: 2048,
        b: "0b0277043892201b37ed86eaf7fda24b01f606fde5c46305f2358661b0496cdd",
        v: "86da1bb92429587cc1fc695bf75f6cab21238001431e9d8ac041f3bc896482dd8492e5fd7a2a9a4bf78cd28c7fee30549a0ab8d77672d9f55e26a65324b61230ba778bf70bec54548533b06ed152442df4ab5503d4fda35f8dffc4d4438298ee7d132ee28aa3e2dd20fe38b0cd43cc041f47db935c0791b55546d3c651589d5cac05663d23954c7362e2a57954cae68aa97e4d7df344616bede08f4095a5baab8c422e14104c183a5dd7cc8dab2c6b892f5af79966779d17aed71a42d21d97db401eec89ba520f9e1eab7297b699c2a9fd6e238cd881ca23428c09badc42318b31805ac6896dcb7d81981dfbf8b66468621924b9430d59e7c34becba33e7967c",
        a_public: "4b700f8d48e69c9aae40c684ac7c7c03121e2b7602eb4c3514804ccada0ed4019193a351ecc65a6f854ede91eb096e721b22d701c7adc64e9cedacd75f2e26bb2f5e45dd53dc8dbeafffe82aa49fca0573444691212537a73cf80e25039258205a7edf4749b30adaf25877c62fcd09d6613598bcd4baf2a9727a53706a278148992b2abb23ad5d512d269e16ca11bc0895b5a3b5ec4721cde40a8c39c796e94f0be86dbbeb33da7037018983921aba3f5053195d5ac1da4e567e3c0e75d9e0609f92e850657b2be4771f415b9cacc5c1ecedc30133bf6474f5022c6519d780760ca4d8d3b966b034bd73877c1b3b33f474b9c3c5299a1968f3e6cd3bfe84445a",
        b_public: "0d73d6e1e63618625c683f746724a760788ee802b1b16552105c120e833584bbe5927ff5a2617a2e81d69f38a9104801b599df2bf2767833ca69709e11ddeba39444a6ec0ff70abe51dd39e9fb67d01a1c9bab2b37f1a6e96c491446fc4f7faf3896f9544df0040b1a33b4ce06735c54d6f1a56063e911c877b532ee8b0e1f4d2623bb8a290e207527b11a78e7d0d1e9e1f914d05b53f555a4791d789eeaa8a15b60a2b4e12d029ceeb4f0bc862a200620d52a64dc60bf287c6552977808f04a0eee322d536326ba16c0774833b7eafe1af4ab3c71542d0969d69dc8c6fe46578c5ea3dfcaae060873de1ef8aaa7bb80af0d4cff1f094888eaa0736eb7d82c6c",
        proofs: [
            (
                "e26e5ac6b74c182e901de5346b42a32d91b21f6daf17d0103fb5a6cc47a0015c",
                "02fb9701eca245558c59651314aab28acb4a55775ba9c4fe0cc24a24c0f5c23f",
            ),
            (
                "a11653504e46de64e09f91691b80037ec9df25c66c69ce548bcf7e51076a16fe",
                "cfae4298f13394b0c1d96c12720c6fc79bae5d763d99d365ff0eeb9fdb495894",
            ),
        ],
    },
];
