//! How a record writes paths, identities and kinds: as texts, checked when they are read.

/// Paths as text.
pub(super) mod path_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    use crate::tree::RelPath;

    pub(in crate::state::undo) fn serialize<S: Serializer>(
        path: &RelPath,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_str(path.as_str())
    }

    pub(in crate::state::undo) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<RelPath, D::Error> {
        RelPath::parse(&String::deserialize(from)?).map_err(D::Error::custom)
    }

    pub(in crate::state::undo) mod option {
        use super::{Deserialize, Deserializer, RelPath, Serializer};
        use serde::{Serialize as _, de::Error as _};

        #[expect(clippy::ref_option, reason = "serde passes a reference")]
        pub(in crate::state::undo) fn serialize<S: Serializer>(
            path: &Option<RelPath>,
            to: S,
        ) -> Result<S::Ok, S::Error> {
            path.as_ref().map(RelPath::as_str).serialize(to)
        }

        pub(in crate::state::undo) fn deserialize<'de, D: Deserializer<'de>>(
            from: D,
        ) -> Result<Option<RelPath>, D::Error> {
            let text = Option::<String>::deserialize(from)?;
            text.map(|text| RelPath::parse(&text).map_err(D::Error::custom))
                .transpose()
        }
    }
}

/// Identities as `FILE::ZONE::DOC`, whatever they are of.
pub(super) mod id_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    use crate::tree::RemoteId;

    fn read<E: serde::de::Error>(text: &str) -> Result<RemoteId, E> {
        RemoteId::from_drivewsid(text).ok_or_else(|| E::custom("no item's id"))
    }

    pub(in crate::state::undo) fn serialize<S: Serializer>(
        id: &RemoteId,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_str(&id.file_drivewsid())
    }

    pub(in crate::state::undo) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<RemoteId, D::Error> {
        read(&String::deserialize(from)?).map_err(|error: D::Error| D::Error::custom(error))
    }

    pub(in crate::state::undo) mod option {
        use super::{Deserialize, Deserializer, RemoteId, Serializer, read};
        use serde::Serialize as _;

        #[expect(clippy::ref_option, reason = "serde passes a reference")]
        pub(in crate::state::undo) fn serialize<S: Serializer>(
            id: &Option<RemoteId>,
            to: S,
        ) -> Result<S::Ok, S::Error> {
            id.as_ref().map(RemoteId::file_drivewsid).serialize(to)
        }

        pub(in crate::state::undo) fn deserialize<'de, D: Deserializer<'de>>(
            from: D,
        ) -> Result<Option<RemoteId>, D::Error> {
            let text = Option::<String>::deserialize(from)?;
            text.map(|text| read(&text)).transpose()
        }
    }
}

/// Kinds by name.
pub(super) mod kind_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    use crate::tree::Kind;

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes a reference"
    )]
    pub(in crate::state::undo) fn serialize<S: Serializer>(
        kind: &Kind,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_str(match kind {
            Kind::File => "file",
            Kind::Folder => "folder",
            Kind::Package => "package",
        })
    }

    pub(in crate::state::undo) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Kind, D::Error> {
        match String::deserialize(from)?.as_str() {
            "file" => Ok(Kind::File),
            "folder" => Ok(Kind::Folder),
            "package" => Ok(Kind::Package),
            other => Err(D::Error::custom(format!("kind {other:?}"))),
        }
    }
}
