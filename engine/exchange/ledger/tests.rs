//! Rows of the ledger, literally.

use super::*;
use crate::exchange::matching::Display as Shown;
use crate::exchange::matching::{CrossSession, Lasts, SelfMatch, Terms};

fn enter(participant: u32, token: u64) -> Enter {
    let terms = Terms {
        limit: Some(Price4(1_000_000)),
        shares: 300,
        lasts: Lasts::Day,
        display: Shown::Full,
        post_only: false,
        minimum: 0,
    };
    Enter {
        locate: Locate(1),
        participant: Participant(participant),
        token,
        side: Side::BUY,
        terms,
        session: CrossSession::Continuous,
        self_match: SelfMatch::Allow,
    }
}

fn resting(participant: u32, token: u64, open: u32) -> Resting {
    Resting {
        order: Reference(token + 10),
        locate: Locate(1),
        participant: Participant(participant),
        token,
        side: if participant == 1 { Side::BUY } else { Side::SELL },
        price: Price4(1_000_000),
        open,
        display: Shown::Full,
        displayed: None,
        shown: 0,
    }
}

fn client(participant: Participant, token: u64) -> Option<ClientOrder<'static>> {
    let user_ref = token as u32 + 100;
    (participant.0 == 1).then_some(ClientOrder { user: "DESK", channel: 2, user_ref })
}

fn events() -> [Event; 6] {
    let market = Terms { limit: None, ..enter(1, 5).terms };
    let (price, match_number) = (Price4(999_900), MatchNumber(9));
    let displayed = None;
    [
        Event::Accepted { order: Reference(14), enter: enter(2, 4) },
        Event::Replaced {
            old: Reference(13),
            old_token: 3,
            old_displayed: displayed,
            order: Reference(15),
            enter: Enter { terms: market, ..enter(1, 5) },
            kept_on_display: false,
        },
        Event::Executed {
            resting: resting(2, 4, 200),
            incoming: resting(1, 5, 0),
            shares: 100,
            price,
            match_number,
        },
        Event::Canceled {
            order: resting(1, 5, 0),
            shares: 7,
            displayed_shares: 0,
            reason: CancelReason::NoRoom,
        },
        Event::Rejected { participant: Participant(2), token: 6, reason: RejectReason::Halted },
        Event::Rejected { participant: Participant(1), token: 6, reason: RejectReason::Halted },
    ]
}

fn told(background: bool) -> String {
    let mut ledger = Ledger::new(Vec::new(), &["ABC".parse().unwrap()], background);
    events().iter().for_each(|event| ledger.on(34_200, event, client));
    let order = Standing { order: Reference(14), locate: Locate(1), side: Side::SELL, open: 200 };
    for note in [Note::Refused(19), Note::Modified(order, b'S', b'T'), Note::CancelPends(order)] {
        let client = client(Participant(1), 7).unwrap();
        ledger.noted(34_201, Noted { participant: Participant(1), client, note });
    }
    let order = (Participant(1), Reference(15), client(Participant(1), 5).unwrap());
    ledger.broken(34_202, Locate(1), MatchNumber(9), Some(order));
    ledger.broken(34_202, Locate(1), MatchNumber(8), None);
    String::from_utf8(ledger.into_inner()).unwrap()
}

#[test]
fn each_change_of_an_order_is_a_row() {
    let rows = "\
        1,34200,accept,2,,0,4,14,ABC,B,300,1000000,300,,\n\
        2,34200,replace,1,DESK,2,105,15,ABC,B,300,,300,,13/103\n\
        3,34200,execute,2,,0,4,14,ABC,S,100,999900,200,9,\n\
        4,34200,execute,1,DESK,2,105,15,ABC,B,100,999900,0,9,\n\
        5,34200,cancel,1,DESK,2,105,15,ABC,B,7,1000000,0,,no_room\n\
        6,34200,reject,2,,0,6,,,,0,,0,,halted\n\
        7,34200,reject,1,DESK,2,106,,,,0,,0,,7\n\
        8,34201,reject,1,DESK,2,107,,,,0,,0,,19\n\
        9,34201,modify,1,DESK,2,107,14,ABC,S,200,,200,,S>T\n\
        10,34201,pend,1,DESK,2,107,14,ABC,S,200,,200,,\n\
        11,34202,break,1,DESK,2,105,15,ABC,,0,,0,9,\n\
        12,34202,break,0,,0,0,,ABC,,0,,0,8,\n";
    assert_eq!(told(true), format!("{HEADER}{rows}"));
}

#[test]
fn background_traders_are_left_out_if_they_are_not_wanted() {
    let (all, clients) = (told(true), told(false));
    let kept = |text: &str| -> Vec<String> {
        let rows = text.lines().skip(1).filter(|row| row.contains("DESK"));
        rows.map(|row| row.split_once(',').unwrap().1.to_owned()).collect()
    };
    assert_eq!(kept(&all), kept(&clients));
    assert_eq!(clients.lines().count(), 1 + kept(&all).len());
}

/// Takes so many writes.
struct Broken(u32);

impl Write for Broken {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(1).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn nothing_is_written_behind_a_hole_and_the_error_is_told_once() {
    let mut ledger = Ledger::new(Broken(1), &["ABC".parse().unwrap()], true);
    for burst in 0..3 {
        ledger.on(1, &events()[0], client);
        ledger.flush();
        assert_eq!(ledger.lost(), burst);
    }
    assert_eq!(ledger.rows(), 3);
    assert_eq!(ledger.take_error().map(|error| error.kind()), Some(io::ErrorKind::StorageFull));
    assert!(ledger.take_error().is_none());
    assert_eq!(ledger.into_inner().0, 0);
}
