//! Base64 as Engine.IO's peers write it: the standard alphabet with padding. Some leave the padding out, and the
//! reference does not mind.

use ::base64::Engine;
use ::base64::alphabet::STANDARD;
use ::base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::BufMut;

use super::Malformed;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What `length` bytes take, in bytes.
pub(super) const fn encoded_len(length: usize) -> usize {
    length.div_ceil(3) * 4
}

/// Appends `data`.
pub(super) fn put(to: &mut Vec<u8>, data: &[u8]) {
    // A multiple of three bytes, so that only the last piece is padded.
    for piece in data.chunks(768) {
        let mut room = [0; encoded_len(768)];
        let length = BASE64.encode_slice(piece, &mut room).unwrap_or_default();
        to.put_slice(room.get(..length).unwrap_or_default());
    }
}

/// Reads `text`, after a `prefix` that is kept in front.
pub(super) fn decode(prefix: &[u8], text: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut data = Vec::with_capacity(prefix.len() + ::base64::decoded_len_estimate(text.len()));
    data.extend_from_slice(prefix);
    BASE64
        .decode_vec(text, &mut data)
        .map_err(|_| Malformed("a binary packet is not in base64"))?;
    Ok(data)
}
