//! Packages: folders that the service stores and hands out as one zip, with one top folder named like the package.
//!
//! Made from a list of files; wrapped in gzip where the switch asks for it. Reading is for the tests and the other device.

use std::io::{self, Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// The zip of a package. Paths are relative to the package; a path that ends in `/` is an empty folder.
pub(super) fn zip(name: &str, files: &[(&str, &[u8])]) -> io::Result<Vec<u8>> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    writer.add_directory(format!("{name}/"), options)?;
    for (path, content) in files {
        if let Some(folder) = path.strip_suffix('/') {
            writer.add_directory(format!("{name}/{folder}/"), options)?;
        } else {
            writer.start_file(format!("{name}/{path}"), options)?;
            writer.write_all(content)?;
        }
    }
    Ok(writer.finish()?.into_inner())
}

/// Wraps bytes in gzip without compressing them: a header, stored blocks, checksum and length.
pub(super) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let mut blocks = content.chunks(0xffff).peekable();
    if blocks.peek().is_none() {
        out.extend([1, 0, 0, 0xff, 0xff]);
    }
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.push(u8::from(blocks.peek().is_none()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    out.extend(crc32(content).to_le_bytes());
    let length = u32::try_from(content.len() & 0xffff_ffff).unwrap_or(0);
    out.extend(length.to_le_bytes());
    out
}

fn crc32(content: &[u8]) -> u32 {
    let table: Vec<u32> = (0..256u32)
        .map(|byte| {
            (0..8).fold(byte, |c, _| {
                if c & 1 == 1 {
                    (c >> 1) ^ 0xedb8_8320
                } else {
                    c >> 1
                }
            })
        })
        .collect();
    let crc = content.iter().fold(u32::MAX, |crc, byte| {
        let index = usize::try_from((crc ^ u32::from(*byte)) & 0xff).unwrap_or(0);
        (crc >> 8) ^ table.get(index).copied().unwrap_or(0)
    });
    !crc
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn the_zip_has_one_top_folder_and_the_names_as_given() {
        let made = zip(
            "Plan.pages",
            &[
                ("Index.zip", b"abc"),
                ("Data/e\u{301}.jpg", b"x"),
                ("Empty/", b""),
            ],
        )
        .unwrap();
        let mut archive = zip::ZipArchive::new(Cursor::new(made)).unwrap();
        let names: Vec<String> = archive
            .file_names()
            .map(|name| name.unwrap().into_owned())
            .collect();
        assert!(
            names.iter().all(|name| name.starts_with("Plan.pages/")),
            "{names:?}"
        );
        let mut text = String::new();
        archive
            .by_name("Plan.pages/Data/e\u{301}.jpg")
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "x");
    }

    #[test]
    fn gzip_has_a_right_checksum_and_length() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        let wrapped = gzip(&vec![7; 70_000]);
        assert_eq!(wrapped.len(), 10 + 5 + 65_535 + 5 + (70_000 - 65_535) + 8);
        assert_eq!(gzip(b"").len(), 10 + 5 + 8);
    }
}
