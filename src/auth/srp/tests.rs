//! The vectors of protocol page 2.7, and the bounds.

use super::*;

struct Vector {
    account: &'static str,
    password: &'static str,
    scheme: Scheme,
    salt: &'static str,
    rounds: u32,
    secret: &'static str,
    own: &'static str,
    server: &'static str,
    shared: &'static str,
    padded: (&'static str, &'static str),
    minimal: (&'static str, &'static str),
    is_doubtful: bool,
}

const VECTORS: [Vector; 5] = [
    Vector {
        account: "vector.one@example.com",
        password: "correct horse battery staple",
        scheme: Scheme::S2k,
        salt: "beb25379d1a8581eb5a727673a2441ee",
        rounds: 20136,
        secret: "60975527035cf2ad1989806f0407210bc81edc04e2762a56afd529ddda2d4393",
        own: "4b700f8d48e69c9aae40c684ac7c7c03121e2b7602eb4c3514804ccada0ed4019193a351ecc65a6f854ede91eb096e721b22d701c7adc64e9cedacd75f2e26bb2f5e45dd53dc8dbeafffe82aa49fca0573444691212537a73cf80e25039258205a7edf4749b30adaf25877c62fcd09d6613598bcd4baf2a9727a53706a278148992b2abb23ad5d512d269e16ca11bc0895b5a3b5ec4721cde40a8c39c796e94f0be86dbbeb33da7037018983921aba3f5053195d5ac1da4e567e3c0e75d9e0609f92e850657b2be4771f415b9cacc5c1ecedc30133bf6474f5022c6519d780760ca4d8d3b966b034bd73877c1b3b33f474b9c3c5299a1968f3e6cd3bfe84445a",
        server: "94a6ba56e7f33fcc760e2a9183180143c0326289499168f5fe2774c3fe99e6a82ca0b4b54d35e0a0b89dbe96c6994578390b3b820a00e38c316aa4393d273e9266b17354e394f4dc14c700ba1e8bce2b8a397925749fc1e402eab2f093a67850051efc5d994c87486cecd9de8aa44d7dda066ed6d4ab46518e8d481a6b51d12f74fc2350daaf14cf2a2cc5779b891c538cd6c27cf6ee6257ff7cfc55d41661bff08ffd0a8baeffd1835c68ec0dc8b89c64211aab3295f759f1f59d982f73dc5bcf03c3e0dc8e04b0c4f8b8ecff0401f247a4837dfb6c36146175b1280ec310a86369e3e8ad28d9fa2a499bca27e3eaee764bc7f2fbcfefbf5cb073689a4e3008",
        shared: "2b85be65880c2784b29164211679e4418db5698fa9c6d56d387245c492adaea331c7827f3cd65123a3eff5cf2646e625c62afc285b576d55f985e793b48219985392e91f51209dcdf396527f560efa289733161c0efc36de62b023538c02cd2f7ff7008525c5e6540eca74e8663dc623457479c1e9270c84e37b0eba72cece1bf0da763af5b8754160625d0694f360a098c0ea4ea8171d8bbc96fbf39ee1b6cd5b59a56da39cbc5b5c33fb78d7c012a341dde306ecf575a62503f8e5828b8201107cb88d45ba6a6df64cd5f190b5fdc44ab834b909a0d8bf99895f036a0d77ef6a7fe64ff9ab448d30157f24a0b51114e66ab091b7327bfde387a2e982b3a223",
        padded: (
            "780e2531128d733b721541d540b2f7eddd5859ea9bf8c50744160058fbd24782",
            "1d1786985f1659913d3645b5f62cfae92045fec4f646e4e844f903e251b67ec1",
        ),
        minimal: (
            "780e2531128d733b721541d540b2f7eddd5859ea9bf8c50744160058fbd24782",
            "1d1786985f1659913d3645b5f62cfae92045fec4f646e4e844f903e251b67ec1",
        ),
        is_doubtful: false,
    },
    Vector {
        account: "vector.two@example.com",
        password: "Pässwört-Ünï €7",
        scheme: Scheme::S2kFo,
        salt: "9f3a1c5577e0d2b84c61a0fe3392bd10",
        rounds: 1000,
        secret: "60975527035cf2ad1989806f0407210bc81edc04e2762a56afd529ddda2d4393",
        own: "4b700f8d48e69c9aae40c684ac7c7c03121e2b7602eb4c3514804ccada0ed4019193a351ecc65a6f854ede91eb096e721b22d701c7adc64e9cedacd75f2e26bb2f5e45dd53dc8dbeafffe82aa49fca0573444691212537a73cf80e25039258205a7edf4749b30adaf25877c62fcd09d6613598bcd4baf2a9727a53706a278148992b2abb23ad5d512d269e16ca11bc0895b5a3b5ec4721cde40a8c39c796e94f0be86dbbeb33da7037018983921aba3f5053195d5ac1da4e567e3c0e75d9e0609f92e850657b2be4771f415b9cacc5c1ecedc30133bf6474f5022c6519d780760ca4d8d3b966b034bd73877c1b3b33f474b9c3c5299a1968f3e6cd3bfe84445a",
        server: "916704622937f036939c45b0787b972e8fcc53406509396eb52c26dc3a38a270657b839a8e5887f88b7d91c0b3ef94e56712170097224e172c8eb305ad67da90e8d80ffb3c1e8bcad6ab1dbc045983328ab19281f512aede4afdd904843fcab3cd5b691db349594a57a405ac077e2ff41ad97ab527699a6d901cf2762496489fdc76e4e2cc1517ae83ba81928746e2abbd3551b908b0e0966df24438cc534b299513d8df3854c54ea24e916c946e0ee6b7e3cdda4235ba1ffe14300f4dbeb5a76f29102450da0e0f4a95231b51bae7c82fb8b3bebb72481d1c13a84645ab08b894d0aac2d3158dfd38796d2b70655698bc1a03cf8479232f12cd6c94171053b5",
        shared: "602729e926b2c993649434f06ad36da92a0fc360e4e4a09c92ec51c44dffc02995e3bd62a9a63966083aae33c574e0f20f2573961522a5910d6fe0a431f1ae689b61a6be37d45215c2e0524901eedaaf8e964c0e612940b8a635f57c1c0df0020b5ca85a740f0028b4f8fe9899c9365dfd08d7baef1a49dc10352894b4da6c0f8a59f0b5d7212b7ba481a56748c9f642a321345024be7a62b5ddb0716d54be50a929b160773e2bfedc43729b4c1616c300fb86d360137d9922b361a21d13f502a009302407b84e7e93e44076b4ed5255354abfe29de1e625b77b3aadea2055b88eb9fedb6cbc8992d0d14a7405ac67fa48b726ade6413e395332cd9295c23082",
        padded: (
            "7f93517c8b2b24cba07d942957c4f4a81a2f58ead4d4adb1090cbf56346d5494",
            "1a5fbad8fdea48dc12960f39bac6e9ba5d7baa171d66577f34efc91f5ccb138e",
        ),
        minimal: (
            "7f93517c8b2b24cba07d942957c4f4a81a2f58ead4d4adb1090cbf56346d5494",
            "1a5fbad8fdea48dc12960f39bac6e9ba5d7baa171d66577f34efc91f5ccb138e",
        ),
        is_doubtful: false,
    },
    Vector {
        account: "vector.three@example.com",
        password: "hunter2",
        scheme: Scheme::S2k,
        salt: "1d2c3b4a5968778695a4b3c2d1e0ff0f",
        rounds: 2048,
        secret: "056e74d2934caa4ea454574104dbdfa4c310b5369085488f2bb997f595e1fe97",
        own: "0009dcbc351283bff83f3f91ca37a71d8fea01fd6366bcf3e5dd83d3d18ad05243999c3b231362e2707edac1ad56816cf3c3c1624723e671a473841d8b58b0a9ae122a3039893e7f502f40457c59719e7fff02d3bfe7c7a028983272d052f0ad01138795ce61817bd042fb9dbbf419c7dddc3bcd0d6c4a9157d56093af768c262d6f02733a3372869817808f120b85a3791ae7dbe69131234a62c2ae2a299d3d0117a8feb488000057aa77dce7162967f1cf6a8fe7f741be904e2878e1c48a579597584920477b456b46f64dbf6c96806596dcf717292dae0646ecc2e0cda5d4b1a45802cdc18dc78548069e7e09449767977763afa99943f54f0da3a672bd7f",
        server: "7d3a2b951a1fb9c8ced039968df2237d9ac8e9bc8e5419e459135378eaf66b35c9e68a223c05dc563aa52b1c50db2e97e4edd2f4e3ead61466c12a475fa6826f5aac2312170e81b215360af1a4d7df400a5ab9268e30ca22088487e4d50f07d7f8382f09c9971fa8bf6331367fd69bc2d4eaa110c821f477673fdc3764041e6bd46f6d7c1cd6d9159f9dffd52d1a9788af8365c1f04dcaf601f6406f8da5fd68b62b9ac8141e79aff0c947327e78b9260281f5747a8c4f5eaf572258d9dd5deba2ec77a2a8309346349bc7ec42199a20ca519ce48e44302108c8d30fb48d2d7aae0bfd9ad3c1e74fa02151ecf1037a63c6f007e003f499b8c47cbb413879f046",
        shared: "03373e973a6d7121f562e3d22d2ab8b495e6956be777a350621bbcb7720fbd00ce24b0135d60e9a1acdd55880fd1c9a80518bb0a6a55ad5b9a6ff3afc91c39dd0720c99c8d0c72a22c8afee9ae21a74f022f70a79c7b9f145d6d33598559a06dd9665a4a861eccbae523a3b742e0f01384390f18fbebd6b8e0f23079251657ec2c1b12eca8ea030624fb0a7a0d792f73159ad7722f9f004c464b49adc7122ccf20d0a0253551b219c652dc7d6a91666c349cea64f6a2f8c9fa7070cdfc678195b197966df22279a62ae889685681abd40e2eeecb1d0e1d8d4ae1d099dce42a484ecfd9d274283cea26ff6cc7e73671de45b7bcf6c027b5de1b3d557fdabed562",
        padded: (
            "549f346d15b0f7e84b42a9adc3726e1e6a156877579c2dda321ad88c63ad6656",
            "7412d7a0fcc32bec371d1ec7fae07ff53eee2b2061c6b9f9766316a9d8123f0a",
        ),
        minimal: (
            "35a3ad350828aac76c050efff91ed67cb06233336e654fdc566ddd50fa4e5b65",
            "686378921aaa2777b85e0cf4d82da482ceb801ef722bcb49b09ad6a4a495ce26",
        ),
        is_doubtful: true,
    },
    Vector {
        account: "vector.four@example.com",
        password: "hunter2",
        scheme: Scheme::S2k,
        salt: "1d2c3b4a5968778695a4b3c2d1e0ff0f",
        rounds: 2048,
        secret: "60975527035cf2ad1989806f0407210bc81edc04e2762a56afd529ddda2d4393",
        own: "4b700f8d48e69c9aae40c684ac7c7c03121e2b7602eb4c3514804ccada0ed4019193a351ecc65a6f854ede91eb096e721b22d701c7adc64e9cedacd75f2e26bb2f5e45dd53dc8dbeafffe82aa49fca0573444691212537a73cf80e25039258205a7edf4749b30adaf25877c62fcd09d6613598bcd4baf2a9727a53706a278148992b2abb23ad5d512d269e16ca11bc0895b5a3b5ec4721cde40a8c39c796e94f0be86dbbeb33da7037018983921aba3f5053195d5ac1da4e567e3c0e75d9e0609f92e850657b2be4771f415b9cacc5c1ecedc30133bf6474f5022c6519d780760ca4d8d3b966b034bd73877c1b3b33f474b9c3c5299a1968f3e6cd3bfe84445a",
        server: "005d79130b1d7d55a325fe880f9bf4475f710db8c55901aac340e1eb29de15925526342bdfe28027e102f7bf06095fc160dd234a834b9f5ed99fbdf6a357babdbd80f705d96e91ed3cc0d493e7559f6e8d1a8fd438c31baaea3878e41077c290d7c5cfc150309e72c664c94d80ee11bdc6f9d6ac39a28a674a6e52c3f1a021bafc0dfd7e035c4b53c89641b90df768466c21a9ebecba58ac7bda4b215be9412ae410887a98909c6b19039276c922c7c24651ae6db32ca3adf212d7b230343795910ac0651025f92dcac8d8fcfc0797665e53b2b41a9cde5acea53e2bcc97386271fed8c096f177acdf831182aa4384a473e6b4635ada1f178586403b505d7b1e",
        shared: "9a70c35520d24f6ad31a7bf68a08b001737784b08e60a89917ce22c4f993152e452b2d1cafce13cbdb6590ca73892db5e97c63f786a65ed9fd38ed4c5770be620b3e16e6540e1a6de5df2b7e3b25fdffe6809257c43ebae775f8a8fcf128327433b0a8b3a9d645ead7c5419deac576ff82ee2343497c1a04055eab59a7b835aa75511fb4c27886804da6d2f13c2520414b60d493e6ae9964d8df9d7033b0241e2cab181919f987ea1e7b1d3a135ceadb497c428a08b74b718151c72cdf4a09cff20a5b390ab15b52e0ddc26e2412f5cad8f8059fc360501eb4329af2ca5fe85a1e3288cd28cd57c2a7d925420eb3be3fceedb2ec88b6b03858097fe1685e7618",
        padded: (
            "5f06ca8bb645dc2699ec0b91e2b82a188851c3a32e4dcea9c964e2d818798f96",
            "579f077add5ebb33f4545742655feca9ee02560e80a6e3de36a2f79d58ed0666",
        ),
        minimal: (
            "ca4a791e8f4bfc382474c6c4547b79233b9c23c542dde8d2d0efe2b7fec443e3",
            "0d0d4a18f574c128bbdb2f5715908fa9a4783e8d72e21ec70ec0a35bafcb6a15",
        ),
        is_doubtful: true,
    },
    Vector {
        account: "vector.five@example.com",
        password: "hunter2",
        scheme: Scheme::S2k,
        salt: "1d2c3b4a5968778695a4b3c2d1e0ff0f",
        rounds: 2048,
        secret: "60975527035cf2ad1989806f0407210bc81edc04e2762a56afd529ddda2d4393",
        own: "4b700f8d48e69c9aae40c684ac7c7c03121e2b7602eb4c3514804ccada0ed4019193a351ecc65a6f854ede91eb096e721b22d701c7adc64e9cedacd75f2e26bb2f5e45dd53dc8dbeafffe82aa49fca0573444691212537a73cf80e25039258205a7edf4749b30adaf25877c62fcd09d6613598bcd4baf2a9727a53706a278148992b2abb23ad5d512d269e16ca11bc0895b5a3b5ec4721cde40a8c39c796e94f0be86dbbeb33da7037018983921aba3f5053195d5ac1da4e567e3c0e75d9e0609f92e850657b2be4771f415b9cacc5c1ecedc30133bf6474f5022c6519d780760ca4d8d3b966b034bd73877c1b3b33f474b9c3c5299a1968f3e6cd3bfe84445a",
        server: "0d73d6e1e63618625c683f746724a760788ee802b1b16552105c120e833584bbe5927ff5a2617a2e81d69f38a9104801b599df2bf2767833ca69709e11ddeba39444a6ec0ff70abe51dd39e9fb67d01a1c9bab2b37f1a6e96c491446fc4f7faf3896f9544df0040b1a33b4ce06735c54d6f1a56063e911c877b532ee8b0e1f4d2623bb8a290e207527b11a78e7d0d1e9e1f914d05b53f555a4791d789eeaa8a15b60a2b4e12d029ceeb4f0bc862a200620d52a64dc60bf287c6552977808f04a0eee322d536326ba16c0774833b7eafe1af4ab3c71542d0969d69dc8c6fe46578c5ea3dfcaae060873de1ef8aaa7bb80af0d4cff1f094888eaa0736eb7d82c6c",
        shared: "00f8ee8634615c02ed5eff72d4881201428f9d64f845ac073cebc7035bf9950d7ede608ac43ffc0cada531d570b68827847c8238dbb890f2f8e3b9f84b39647bebac66240407811355840253121cdf15b6560c920c5c810a2a385aa1c751e40d3e68596a76dc87ff41acad03df534e53d2891698e452ae0af92c9c4e9db8d58c2bca22d33e835c709597d9447953564e9bad595ddab2fb2cd74f8a6cfad1a2f1f4f3859972985731ba1e0475ed519b1d11cae9114f687fb4aeba8343384d5f8a716f3f4982d7260ed1ca0cd5538d760b0153981d2c81fd3b757329310f8d90ca25c1baab0d6593fc8a6aa9966fadafdbf1baaa2e1e4f2153f57706ab6f782879",
        padded: (
            "e26e5ac6b74c182e901de5346b42a32d91b21f6daf17d0103fb5a6cc47a0015c",
            "02fb9701eca245558c59651314aab28acb4a55775ba9c4fe0cc24a24c0f5c23f",
        ),
        minimal: (
            "a11653504e46de64e09f91691b80037ec9df25c66c69ce548bcf7e51076a16fe",
            "cfae4298f13394b0c1d96c12720c6fc79bae5d763d99d365ff0eeb9fdb495894",
        ),
        is_doubtful: true,
    },
];

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(hex.get(at..at + 2).unwrap(), 16).unwrap())
        .collect()
}

impl Vector {
    fn secret(&self) -> [u8; 32] {
        bytes(self.secret).try_into().unwrap()
    }

    fn challenge(&self) -> Challenge {
        Challenge {
            scheme: self.scheme,
            salt: bytes(self.salt),
            rounds: self.rounds,
            public: bytes(self.server),
        }
    }
}

#[test]
fn the_vectors_hold_in_both_encodings() {
    for vector in &VECTORS {
        let exchange = Exchange::with(&vector.secret());
        assert_eq!(hex(&exchange.public()), vector.own, "{}", vector.account);
        let challenge = vector.challenge();
        let shared = exchange
            .shared(&Secret::new(vector.password), &challenge)
            .unwrap();
        assert_eq!(hex(&pad(&shared.value)), vector.shared);
        let padded = exchange.proof(vector.account, &challenge, &shared, pad);
        assert_eq!((hex(&padded.m1), hex(&padded.m2)), owned(vector.padded));
        let minimal = exchange.proof(vector.account, &challenge, &shared, BigUint::to_bytes_be);
        assert_eq!((hex(&minimal.m1), hex(&minimal.m2)), owned(vector.minimal));
    }
}

fn owned(pair: (&str, &str)) -> (String, String) {
    (pair.0.to_owned(), pair.1.to_owned())
}

#[test]
fn a_doubtful_proof_is_not_handed_out() {
    for vector in &VECTORS {
        let password = Secret::new(vector.password);
        let proof = match Exchange::new(&vector.secret()) {
            Some(exchange) => exchange
                .prove(vector.account, &password, &vector.challenge())
                .unwrap(),
            None => None,
        };
        assert_eq!(proof.is_none(), vector.is_doubtful, "{}", vector.account);
        if let Some(proof) = proof {
            assert_eq!((hex(&proof.m1), hex(&proof.m2)), owned(vector.padded));
        }
    }
    // V3 is the one with a short public value of the client's own: not even begun.
    assert!(Exchange::new(&VECTORS[2].secret()).is_none());
    assert!(Exchange::new(&VECTORS[3].secret()).is_some());
}

#[test]
fn a_challenge_out_of_bounds_gets_no_proof() {
    let vector = &VECTORS[0];
    let exchange = Exchange::new(&vector.secret()).unwrap();
    let with = |rounds: u32, public: Vec<u8>| {
        let challenge = Challenge {
            rounds,
            public,
            ..vector.challenge()
        };
        exchange
            .prove(vector.account, &Secret::new(vector.password), &challenge)
            .map(|proof| proof.is_some())
    };
    let server = bytes(vector.server);
    assert!(with(1000, server.clone()).unwrap());
    let mut twice = (prime() * 2u8).to_bytes_be();
    for (rounds, public) in [
        (0, server.clone()),
        (1_000_001, server.clone()),
        (u32::MAX, server),
        (1000, vec![0; 256]),
        (1000, Vec::new()),
        (1000, prime().to_bytes_be()),
        (1000, std::mem::take(&mut twice)),
        (1000, vec![255; 4096]),
    ] {
        let error = with(rounds, public).unwrap_err();
        assert_eq!(error.kind(), Kind::Protocol);
    }
}

#[test]
fn the_account_s_name_is_in_the_proof_and_the_password_is_not_normalised() {
    let vector = &VECTORS[1];
    let exchange = Exchange::new(&vector.secret()).unwrap();
    let prove = |account: &str, password: &str| {
        exchange
            .prove(account, &Secret::new(password), &vector.challenge())
            .unwrap()
            .map(|proof| hex(&proof.m1))
    };
    let right = prove(vector.account, vector.password);
    assert_ne!(right, prove("Vector.Two@example.com", vector.password));
    let decomposed: String =
        unicode_normalization::UnicodeNormalization::nfd(vector.password).collect();
    assert_ne!(right, prove(vector.account, &decomposed));
}

#[test]
fn only_known_schemes_are_read() {
    assert_eq!(Scheme::parse("s2k"), Some(Scheme::S2k));
    assert_eq!(Scheme::parse("s2k_fo"), Some(Scheme::S2kFo));
    assert_eq!(Scheme::parse("s2k_new"), None);
}
