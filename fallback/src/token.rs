//! Names. Session tokens: 128 random bits, the node and process instance that hold the session, and a MAC over both and over
//! the Origin that opened it. A token of another Origin, of another process or of nobody's fails alike, before any look-up.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// What names a session within its process.
pub(crate) type Id = [u8; ID];

const ID: usize = 16;
const NODE: usize = 8;
const MAC: usize = 16;

/// key id, node and instance, id, MAC.
const TOKEN: usize = 1 + NODE + ID + MAC;

/// key id, node and instance, the second in which it expires, MAC.
const TICKET: usize = 1 + NODE + 8 + MAC;

/// Of HMAC-SHA-256, whose blocks are as long.
const KEY: usize = 64;

/// Only one key so far.
const KEY_ID: u8 = 0;

/// What is signed with. Nobody else ever has it, but for processes that follow one another.
#[derive(Clone)]
pub struct Key([u8; KEY]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    /// A new one.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut key = [0; KEY];
        getrandom::fill(&mut key)?;
        Ok(Self(key))
    }

    /// To be handed on, in secret.
    #[must_use]
    pub fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// As [`to_text`](Self::to_text) has written it; `None`: it has not.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let mut key = [0; KEY];
        let decoded = URL_SAFE_NO_PAD.decode_slice(text, &mut key);
        (decoded == Ok(KEY)).then_some(Self(key))
    }
}

/// Makes tokens, and knows its own.
pub(crate) struct Mint {
    /// Four bytes for the node, which is alone so far, and four that tell its process from the one before.
    node: [u8; NODE],
    mac: Hmac<Sha256>,
}

impl Mint {
    /// A mint with a key of its own, that nobody else ever has.
    ///
    /// # Errors
    /// The system has no randomness.
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        Self::of(&Key::random()?)
    }

    /// A mint that knows the tokens of all others with this key.
    ///
    /// # Errors
    /// The system has no randomness.
    pub(crate) fn of(key: &Key) -> Result<Self, getrandom::Error> {
        let mut node = [0; NODE];
        getrandom::fill(&mut node[NODE / 2..])?;
        let mac = Hmac::new(&key.0.into());
        Ok(Self { node, mac })
    }

    /// The token of session `id`, for the Origin that opened it, or the place where it was opened.
    pub(crate) fn token(&self, id: &Id, origin: &[&str]) -> String {
        let mut token = Vec::with_capacity(TOKEN);
        token.push(KEY_ID);
        token.extend(self.node);
        token.extend(id);
        let mac = self.mac(&token, origin);
        token.extend(mac);
        URL_SAFE_NO_PAD.encode(token)
    }

    /// The session that a token names; `None` for whatever this mint has not made for this Origin or place.
    pub(crate) fn id(&self, token: &[u8], origin: &[&str]) -> Option<Id> {
        let mut bytes = [0; TOKEN];
        let decoded = URL_SAFE_NO_PAD.decode_slice(token, &mut bytes);
        let whole = decoded == Ok(TOKEN);
        // Whatever came is hashed, so that all failures take the same time.
        let (signed, mac) = bytes.split_at(TOKEN - MAC);
        let genuine = bool::from(self.mac(signed, origin).ct_eq(mac));
        let (id, _) = signed.get(1 + NODE..)?.split_first_chunk()?;
        (whole && genuine).then_some(*id)
    }

    /// A proof that a service of this process was asked for something before second `expires` of the Unix era.
    pub(crate) fn ticket(&self, service: &str, expires: u64) -> String {
        let mut ticket = Vec::with_capacity(TICKET);
        ticket.push(KEY_ID);
        ticket.extend(self.node);
        ticket.extend(expires.to_be_bytes());
        let mac = self.mac(&ticket, &[service]);
        ticket.extend(mac);
        URL_SAFE_NO_PAD.encode(ticket)
    }

    /// Whether this mint has made a ticket for this service, and it has not expired.
    pub(crate) fn admits(&self, ticket: &str, service: &str, now: u64) -> bool {
        let mut bytes = [0; TICKET];
        let decoded = URL_SAFE_NO_PAD.decode_slice(ticket, &mut bytes);
        let (signed, mac) = bytes.split_at(TICKET - MAC);
        let genuine = bool::from(self.mac(signed, &[service]).ct_eq(mac));
        let expires = signed.last_chunk().copied().map(u64::from_be_bytes);
        decoded == Ok(TICKET) && genuine && expires.is_some_and(|expires| now < expires)
    }

    /// The name here of a session that its client has named itself, at this place. Nobody can choose it, so none can be made
    /// to collide.
    pub(crate) fn name(&self, place: &[&str], client_chosen: &str) -> Id {
        let mac = self.mac(client_chosen.as_bytes(), place);
        let mut id = [0; ID];
        id.iter_mut().zip(mac).for_each(|(to, from)| *to = from);
        id
    }

    /// Over what is signed, and the parts of whom or what it is good for.
    fn mac(&self, signed: &[u8], good_for: &[&str]) -> [u8; MAC] {
        let mut mac = self.mac.clone();
        mac.update(signed);
        good_for.iter().for_each(|part| mac.update(part.as_bytes()));
        let full = mac.finalize().into_bytes();
        let mut mac = [0; MAC];
        mac.iter_mut().zip(full).for_each(|(to, from)| *to = from);
        mac
    }
}

/// A new session's name.
pub(crate) fn random_id() -> Result<Id, getrandom::Error> {
    let mut id = [0; ID];
    getrandom::fill(&mut id)?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_token_is_good_for_its_own_origin_and_process_only() {
        let (mint, other) = (Mint::new().unwrap(), Mint::new().unwrap());
        let id = random_id().unwrap();
        let token = mint.token(&id, &["https://a.example"]);
        assert_eq!(mint.id(token.as_bytes(), &["https://a.example"]), Some(id));
        assert_eq!(mint.id(token.as_bytes(), &["https://b.example"]), None);
        assert_eq!(mint.id(token.as_bytes(), &[""]), None);
        assert_eq!(other.id(token.as_bytes(), &["https://a.example"]), None);
    }

    #[test]
    fn a_ticket_is_good_for_its_service_until_it_expires() {
        let (mint, other) = (Mint::new().unwrap(), Mint::new().unwrap());
        let ticket = mint.ticket("/echo", 100);
        assert!(mint.admits(&ticket, "/echo", 99));
        assert!(!mint.admits(&ticket, "/echo", 100));
        assert!(!mint.admits(&ticket, "/chat", 99));
        assert!(!other.admits(&ticket, "/echo", 99));
        assert!(!mint.admits("", "/echo", 99));
        let token = mint.token(&random_id().unwrap(), &["/echo"]);
        assert!(!mint.admits(&token, "/echo", 99));
    }

    #[test]
    fn processes_with_one_key_know_each_others_tickets() {
        let key = Key::random().unwrap();
        let handed_on = Key::from_text(&key.to_text()).unwrap();
        let (old, new) = (Mint::of(&key).unwrap(), Mint::of(&handed_on).unwrap());
        assert!(new.admits(&old.ticket("/echo", 100), "/echo", 99));
        assert!(Key::from_text("short").is_none());
        assert_eq!(format!("{key:?}"), "Key", "it is a secret");
    }

    #[test]
    fn no_part_of_a_token_can_be_changed() {
        let mint = Mint::new().unwrap();
        let token = mint.token(&random_id().unwrap(), &[""]);
        for at in 0..token.len() {
            let mut forged = token.clone().into_bytes();
            // The last character's lowest bits are padding, and must be zero.
            forged[at] = if forged[at] == b'A' { b'Q' } else { b'A' };
            assert_eq!(mint.id(&forged, &[""]), None, "changed at {at}");
        }
        assert_eq!(mint.id(b"", &[""]), None);
        assert_eq!(mint.id(&[b'A'; 200], &[""]), None);
    }
}
