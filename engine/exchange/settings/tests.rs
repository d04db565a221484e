//! Promises of the configuration: the manual is right, and what cannot be names its key and the fix.

use super::*;
use crate::exchange::faults::Faults;

fn plan(text: &str) -> Result<Plan, String> {
    let (midnight, now) = (Nanos(0), Nanos(10 * 3_600 * SECOND));
    Settings::read("x.toml", text)
        .and_then(|settings| settings.plan(now, midnight))
        .map_err(|error| error.to_string())
}

#[test]
fn the_manual_tells_the_defaults() {
    assert_eq!(Settings::read("default.toml", DEFAULT).unwrap(), Settings::default());
    let (_, faults) = DEFAULT.split_once("[faults]").unwrap();
    for key in Faults::KEYS {
        // A key that is not set stands there as an example.
        let told = [format!("\n{key} = "), format!("\n# {key} = ")];
        assert!(told.iter().any(|line| faults.contains(line.as_str())), "{key}");
    }
}

#[test]
fn the_defaults_are_a_plan() {
    let plan = plan("").unwrap();
    let symbols = plan.venue.feed.tape.listings;
    assert_eq!((symbols.len(), symbols[26].symbol), (1_000, Symbol(*b"AABB    ")));
    assert_eq!(plan.venue.feed.publication.session.0, *b"  CORETICK");
    assert_eq!(plan.venue.background.map(|background| background.rate), Some(1_000));
}

#[test]
fn a_crash_is_counted_from_the_start_or_from_midnight() {
    let crash = |text: &str| {
        let plan = plan(&format!("[flow]\ncrash = \"{text}\"")).unwrap();
        plan.venue.background.and_then(|background| background.traders.crash)
    };
    let (lasts, percent) = (Nanos(30 * SECOND), 9);
    let after = crash("after=20,seconds=30,percent=9").unwrap();
    assert_eq!(after, Crash { at: Nanos(36_020 * SECOND), lasts, percent });
    let at = crash("at=14:32:00,seconds=30,percent=9").unwrap();
    assert_eq!(at, Crash { at: Nanos(52_320 * SECOND), lasts, percent });
    assert_eq!(crash(""), None);
}

#[test]
fn memory_is_known_before_it_is_taken() {
    let mib = |text: &str| plan(text).unwrap().memory_mib();
    let small = mib("[feed]\nkept_mib = 2\n[order_entry]\norders_max = 1000");
    assert!(small < 64, "{small}");
    assert!(mib("[feed]\nkept_mib = 1048576") >= 1_048_576);
    assert!(mib("[order_entry]\norders_max = 134217728") > 32 * 1_024);
    let held = "[faults]\nheld_max = 1000000\nreorder = 1";
    assert!(mib(held) > mib("") + 2 * 1_000);
    let held = "[faults]\nheld_max = 1000000\nrerequest_reorder = 1";
    assert!(mib(held) > mib("") + 1_000);
}

#[test]
fn a_bad_value_names_its_key_and_the_fix() {
    for (text, key, fix) in [
        ("[flow]\nsymbols = 0", "flow.symbols = 0", "1 to 65535"),
        ("[flow]\nlive = 3", "flow.live = 3", "4 a symbol"),
        ("[flow]\ncrash = \"soon\"", "flow.crash = soon", "after=SECONDS"),
        ("[flow]\ncrash = \"20s\"", "flow.crash = 20s", "after=SECONDS"),
        ("[feed]\nsession = \"TOO LONG\"", "feed.session = TOO LONG", "letters and digits"),
        ("[feed]\nmtu_b = 71", "feed.mtu_b = 71", "72 to 65507"),
        ("[order_entry]\nmessages_max = 0", "order_entry.messages_max = 0", "1 to 1073741824"),
        ("[flow]\nhalt_s = 0", "flow.halt_s = 0", "1 to 86400"),
        ("[day]\nseconds = 90000", "day.seconds = 90000", "0 to 86400"),
        ("[day]\nprogramme = \"regular\"\nseconds = 5", "day.seconds = 5", "0 with a regular day"),
        ("[faults]\nheld_max = 4294967295", "faults.held_max = 4294967295", "1 to 1000000"),
    ] {
        let error = plan(text).unwrap_err();
        assert!(error.contains(key) && error.contains(fix), "{error}");
    }
}

#[test]
fn an_unknown_key_or_a_wrong_type_names_its_line() {
    for text in ["[flow]\nsymbols = 5\nsymbol = 1", "[flow]\n\nseed = \"x\"", "\n\n[flows]"] {
        let error = plan(text).unwrap_err();
        assert!(error.contains("x.toml") && error.contains("line 3"), "{error}");
    }
}

#[test]
fn a_password_is_in_no_error_and_not_in_what_is_shown() {
    let text =
        |password| format!("[[account]]\nuser = \"A\"\nfirm = \"F\"\npassword = \"{password}\"");
    let error = plan(&text("verysecretindeed")).unwrap_err();
    assert!(error.contains("account.password") && !error.contains("secret"), "{error}");
    let shown = format!("{:?}", Settings::read("x", &text("secret")).unwrap());
    assert!(!shown.contains("secret"), "{shown}");
}

#[test]
fn two_accounts_of_one_user_are_refused() {
    let one = "[[account]]\nuser = \"A\"\nfirm = \"F\"\npassword = \"P\"\n";
    assert!(plan(one).is_ok());
    assert!(plan(&one.repeat(2)).unwrap_err().contains("each user once"));
}
