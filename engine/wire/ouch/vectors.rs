//! The bytes of every message, written out from the field table: the parser must find each field in them, and the same
//! fields must be written as them, with options and without. Each field's bytes are unlike its neighbours'.

use super::*;

/// An appendage of one option, its length before it.
const OPTION: [u8; 5] = [0, 3, 2, 28, 7];

/// `$bytes` are the fixed part `$name`, read and written, with an option and without.
macro_rules! both_ways {
    ($view:ident, $bytes:expr, $presence:ident, $name:ident { $($field:ident: $value:expr),* $(,)? }) => {{
        let (bytes, fixed) = ($bytes, $name { $($field: $value,)* });
        let forms: &[(&[u8], &[u8])] = match Presence::$presence {
            Presence::Always => &[(&[0, 0], &[0, 0]), (&OPTION, &OPTION)],
            Presence::Optional => &[(&[], &[]), (&[0, 0], &[]), (&OPTION, &OPTION)],
            Presence::Never => &[(&[], &[])],
        };
        for (read, written) in forms {
            let whole = [&bytes[..], read].concat();
            let options = Appendage::new(read.get(2..).unwrap_or_default());
            let message = $view::$name(&fixed, options);
            assert_eq!($view::parse(&whole), Ok(message));
            let whole = [&bytes[..], written].concat();
            assert_eq!(message.length(), whole.len());
            let mut out = vec![0xee; whole.len() + 3];
            assert_eq!(message.write(&mut out), Ok(whole.len()));
            assert_eq!(out, [&whole[..], &[0xee; 3]].concat());
            message.append(&mut out);
            assert_eq!(out[whole.len() + 3..], whole);
            let first = message.appendage().options().next();
            assert_eq!(first, (written.len() > 2).then_some(Ok(TagValue::UserRefIdx(7))));
        }
    }};
}

#[test]
fn enter_order_bytes() {
    let bytes = [
        b'O', 0x51, 0x5c, 0x67, 0x72, b'S', 0x7d, 0x88, 0x93, 0x9e, b'Z', b'V', b'Z', b'Z', b'T',
        b' ', b' ', b' ', 0xa9, 0xb4, 0xbf, 0xca, 0xd5, 0xe0, 0xeb, 0xf6, b'T', b'E', b'N', b'Y',
        b'A', b'O', b'R', b'D', b'E', b'R', b'-', b'0', b'1', b'2', b'3', b'4', b'5', b'6', b' ',
    ];
    both_ways!(
        Inbound,
        bytes,
        Always,
        EnterOrder {
            message_type: b'O',
            user_ref_num: 0x515c_6772.into(),
            side: b'S',
            quantity: 0x7d88_939e.into(),
            symbol: Symbol(*b"ZVZZT   "),
            price: WirePrice::from_e4(0xa9b4_bfca_d5e0_ebf6),
            time_in_force: b'T',
            display: b'E',
            capacity: b'N',
            intermarket_sweep_eligibility: b'Y',
            cross_type: b'A',
            clordid: *b"ORDER-0123456 ",
        }
    );
}

#[test]
fn replace_order_bytes() {
    let bytes = [
        b'U', 0x36, 0x41, 0x4c, 0x57, 0x62, 0x6d, 0x78, 0x83, 0x8e, 0x99, 0xa4, 0xaf, 0xba, 0xc5,
        0xd0, 0xdb, 0xe6, 0xf1, 0xfc, 0x07, b'P', b'R', b'O', b'O', b'R', b'D', b'E', b'R', b'-',
        b'0', b'1', b'2', b'3', b'4', b'5', b'6', b' ',
    ];
    both_ways!(
        Inbound,
        bytes,
        Always,
        ReplaceOrder {
            message_type: b'U',
            orig_user_ref_num: 0x3641_4c57.into(),
            user_ref_num: 0x626d_7883.into(),
            quantity: 0x8e99_a4af.into(),
            price: WirePrice::from_e4(0xbac5_d0db_e6f1_fc07),
            time_in_force: b'P',
            display: b'R',
            intermarket_sweep_eligibility: b'O',
            clordid: *b"ORDER-0123456 ",
        }
    );
}

#[test]
fn cancel_order_bytes() {
    let bytes = [b'X', 0x47, 0x52, 0x5d, 0x68, 0x73, 0x7e, 0x89, 0x94];
    both_ways!(
        Inbound,
        bytes,
        Optional,
        CancelOrder {
            message_type: b'X',
            user_ref_num: 0x4752_5d68.into(),
            quantity: 0x737e_8994.into(),
        }
    );
}

#[test]
fn modify_order_bytes() {
    let bytes = [b'M', 0xd4, 0xdf, 0xea, 0xf5, b'C', 0x00, 0x0b, 0x16, 0x21];
    both_ways!(
        Inbound,
        bytes,
        Optional,
        ModifyOrder {
            message_type: b'M',
            user_ref_num: 0xd4df_eaf5.into(),
            side: b'C',
            quantity: 0xb_1621.into(),
        }
    );
}

#[test]
fn mass_cancel_request_bytes() {
    let bytes = [
        b'C', 0x61, 0x6c, 0x77, 0x82, b'N', b'I', b'T', b'E', b'Z', b'V', b'Z', b'Z', b'T', b' ',
        b' ', b' ',
    ];
    both_ways!(
        Inbound,
        bytes,
        Always,
        MassCancelRequest {
            message_type: b'C',
            user_ref_num: 0x616c_7782.into(),
            firm: *b"NITE",
            symbol: Symbol(*b"ZVZZT   "),
        }
    );
}

#[test]
fn disable_order_entry_request_bytes() {
    let bytes = [b'D', 0xc2, 0xcd, 0xd8, 0xe3, b'N', b'I', b'T', b'E'];
    both_ways!(
        Inbound,
        bytes,
        Always,
        DisableOrderEntryRequest {
            message_type: b'D',
            user_ref_num: 0xc2cd_d8e3.into(),
            firm: *b"NITE",
        }
    );
}

#[test]
fn enable_order_entry_request_bytes() {
    let bytes = [b'E', 0x23, 0x2e, 0x39, 0x44, b'N', b'I', b'T', b'E'];
    both_ways!(
        Inbound,
        bytes,
        Always,
        EnableOrderEntryRequest {
            message_type: b'E',
            user_ref_num: 0x232e_3944.into(),
            firm: *b"NITE",
        }
    );
}

#[test]
fn account_query_request_bytes() {
    let bytes = [b'Q'];
    both_ways!(Inbound, bytes, Optional, AccountQueryRequest { message_type: b'Q' });
}

#[test]
fn system_event_bytes() {
    let bytes = [b'S', 0xb9, 0xc4, 0xcf, 0xda, 0xe5, 0xf0, 0xfb, 0x06, b'H'];
    both_ways!(
        Outbound,
        bytes,
        Never,
        SystemEvent {
            message_type: b'S',
            timestamp: 0xb9c4_cfda_e5f0_fb06.into(),
            event_code: b'H',
        }
    );
}

#[test]
fn order_accepted_bytes() {
    let bytes = [
        b'A', 0x46, 0x51, 0x5c, 0x67, 0x72, 0x7d, 0x88, 0x93, 0x9e, 0xa9, 0xb4, 0xbf, b'Q', 0xca,
        0xd5, 0xe0, 0xeb, b'Z', b'V', b'Z', b'Z', b'T', b' ', b' ', b' ', 0xf6, 0x01, 0x0c, 0x17,
        0x22, 0x2d, 0x38, 0x43, b'L', b'D', 0x4e, 0x59, 0x64, 0x6f, 0x7a, 0x85, 0x90, 0x9b, b'G',
        b'I', b'J', b'K', b'O', b'R', b'D', b'E', b'R', b'-', b'0', b'1', b'2', b'3', b'4', b'5',
        b'6', b' ',
    ];
    both_ways!(
        Outbound,
        bytes,
        Always,
        OrderAccepted {
            message_type: b'A',
            timestamp: 0x4651_5c67_727d_8893.into(),
            user_ref_num: 0x9ea9_b4bf.into(),
            side: b'Q',
            quantity: 0xcad5_e0eb.into(),
            symbol: Symbol(*b"ZVZZT   "),
            price: WirePrice::from_e4(0xf601_0c17_222d_3843),
            time_in_force: b'L',
            display: b'D',
            order_reference_number: 0x4e59_646f_7a85_909b.into(),
            capacity: b'G',
            intermarket_sweep_eligibility: b'I',
            cross_type: b'J',
            order_state: b'K',
            clordid: *b"ORDER-0123456 ",
        }
    );
}

#[test]
fn order_replaced_bytes() {
    let bytes = [
        b'U', 0xdb, 0xe6, 0xf1, 0xfc, 0x07, 0x12, 0x1d, 0x28, 0x33, 0x3e, 0x49, 0x54, 0x5f, 0x6a,
        0x75, 0x80, b'M', 0x8b, 0x96, 0xa1, 0xac, b'Z', b'V', b'Z', b'Z', b'T', b' ', b' ', b' ',
        0xb7, 0xc2, 0xcd, 0xd8, 0xe3, 0xee, 0xf9, 0x04, b'U', b'V', 0x0f, 0x1a, 0x25, 0x30, 0x3b,
        0x46, 0x51, 0x5c, b'W', b'X', b'Z', b'B', b'O', b'R', b'D', b'E', b'R', b'-', b'0', b'1',
        b'2', b'3', b'4', b'5', b'6', b' ',
    ];
    both_ways!(
        Outbound,
        bytes,
        Always,
        OrderReplaced {
            message_type: b'U',
            timestamp: 0xdbe6_f1fc_0712_1d28.into(),
            orig_user_ref_num: 0x333e_4954.into(),
            user_ref_num: 0x5f6a_7580.into(),
            side: b'M',
            quantity: 0x8b96_a1ac.into(),
            symbol: Symbol(*b"ZVZZT   "),
            price: WirePrice::from_e4(0xb7c2_cdd8_e3ee_f904),
            time_in_force: b'U',
            display: b'V',
            order_reference_number: 0xf1a_2530_3b46_515c.into(),
            capacity: b'W',
            intermarket_sweep_eligibility: b'X',
            cross_type: b'Z',
            order_state: b'B',
            clordid: *b"ORDER-0123456 ",
        }
    );
}

#[test]
fn order_canceled_bytes() {
    let bytes = [
        b'C', 0x9c, 0xa7, 0xb2, 0xbd, 0xc8, 0xd3, 0xde, 0xe9, 0xf4, 0xff, 0x0a, 0x15, 0x20, 0x2b,
        0x36, 0x41, b'S',
    ];
    both_ways!(
        Outbound,
        bytes,
        Optional,
        OrderCanceled {
            message_type: b'C',
            timestamp: 0x9ca7_b2bd_c8d3_dee9.into(),
            user_ref_num: 0xf4ff_0a15.into(),
            quantity: 0x202b_3641.into(),
            reason: b'S',
        }
    );
}

#[test]
fn aiq_canceled_bytes() {
    let bytes = [
        b'D', 0x81, 0x8c, 0x97, 0xa2, 0xad, 0xb8, 0xc3, 0xce, 0xd9, 0xe4, 0xef, 0xfa, 0x05, 0x10,
        0x1b, 0x26, b'T', 0x31, 0x3c, 0x47, 0x52, 0x5d, 0x68, 0x73, 0x7e, 0x89, 0x94, 0x9f, 0xaa,
        b'E', b'N',
    ];
    both_ways!(
        Outbound,
        bytes,
        Optional,
        AiqCanceled {
            message_type: b'D',
            timestamp: 0x818c_97a2_adb8_c3ce.into(),
            user_ref_num: 0xd9e4_effa.into(),
            decrement_shares: 0x510_1b26.into(),
            reason: b'T',
            quantity_prevented_from_trading: 0x313c_4752.into(),
            execution_price: WirePrice::from_e4(0x5d68_737e_8994_9faa),
            liquidity_flag: b'E',
            aiq_strategy: b'N',
        }
    );
}

#[test]
fn aiq_canceled_legacy_bytes() {
    let bytes = [
        b'D', 0xea, 0xf5, 0x00, 0x0b, 0x16, 0x21, 0x2c, 0x37, 0x42, 0x4d, 0x58, 0x63, 0x6e, 0x79,
        0x84, 0x8f, b'Y', 0x9a, 0xa5, 0xb0, 0xbb, 0xc6, 0xd1, 0xdc, 0xe7, 0xf2, 0xfd, 0x08, 0x13,
        b'A',
    ];
    both_ways!(
        Outbound,
        bytes,
        Never,
        AiqCanceledLegacy {
            message_type: b'D',
            timestamp: 0xeaf5_000b_1621_2c37.into(),
            user_ref_num: 0x424d_5863.into(),
            decrement_shares: 0x6e79_848f.into(),
            reason: b'Y',
            quantity_prevented_from_trading: 0x9aa5_b0bb.into(),
            execution_price: WirePrice::from_e4(0xc6d1_dce7_f2fd_0813),
            liquidity_flag: b'A',
        }
    );
}

#[test]
fn order_executed_bytes() {
    let bytes = [
        b'E', 0x53, 0x5e, 0x69, 0x74, 0x7f, 0x8a, 0x95, 0xa0, 0xab, 0xb6, 0xc1, 0xcc, 0xd7, 0xe2,
        0xed, 0xf8, 0x03, 0x0e, 0x19, 0x24, 0x2f, 0x3a, 0x45, 0x50, b'P', 0x5b, 0x66, 0x71, 0x7c,
        0x87, 0x92, 0x9d, 0xa8,
    ];
    both_ways!(
        Outbound,
        bytes,
        Always,
        OrderExecuted {
            message_type: b'E',
            timestamp: 0x535e_6974_7f8a_95a0.into(),
            user_ref_num: 0xabb6_c1cc.into(),
            quantity: 0xd7e2_edf8.into(),
            price: WirePrice::from_e4(0x30e_1924_2f3a_4550),
            liquidity_flag: b'P',
            match_number: 0x5b66_717c_8792_9da8.into(),
        }
    );
}

#[test]
fn broken_trade_bytes() {
    let bytes = [
        b'B', 0xe8, 0xf3, 0xfe, 0x09, 0x14, 0x1f, 0x2a, 0x35, 0x40, 0x4b, 0x56, 0x61, 0x6c, 0x77,
        0x82, 0x8d, 0x98, 0xa3, 0xae, 0xb9, b'R', b'O', b'R', b'D', b'E', b'R', b'-', b'0', b'1',
        b'2', b'3', b'4', b'5', b'6', b' ',
    ];
    both_ways!(
        Outbound,
        bytes,
        Optional,
        BrokenTrade {
            message_type: b'B',
            timestamp: 0xe8f3_fe09_141f_2a35.into(),
            user_ref_num: 0x404b_5661.into(),
            match_number: 0x6c77_828d_98a3_aeb9.into(),
            reason: b'R',
            clordid: *b"ORDER-0123456 ",
        }
    );
}

#[test]
fn trade_correction_bytes() {
    let bytes = [
        b'F', 0xf9, 0x04, 0x0f, 0x1a, 0x25, 0x30, 0x3b, 0x46, 0x51, 0x5c, 0x67, 0x72, 0x7d, 0x88,
        0x93, 0x9e, 0xa9, 0xb4, 0xbf, 0xca, 0xd5, 0xe0, 0xeb, 0xf6, b'O', 0x01, 0x0c, 0x17, 0x22,
        0x2d, 0x38, 0x43, 0x4e, b'C', b'O', b'R', b'D', b'E', b'R', b'-', b'0', b'1', b'2', b'3',
        b'4', b'5', b'6', b' ',
    ];
    both_ways!(
        Outbound,
        bytes,
        Never,
        TradeCorrection {
            message_type: b'F',
            timestamp: 0xf904_0f1a_2530_3b46.into(),
            user_ref_num: 0x515c_6772.into(),
            quantity: 0x7d88_939e.into(),
            price: WirePrice::from_e4(0xa9b4_bfca_d5e0_ebf6),
            liquidity_flag: b'O',
            match_number: 0x10c_1722_2d38_434e.into(),
            reason: b'C',
            clordid: *b"ORDER-0123456 ",
        }
    );
}

#[test]
fn rejected_bytes() {
    let bytes = [
        b'J', 0x8e, 0x99, 0xa4, 0xaf, 0xba, 0xc5, 0xd0, 0xdb, 0xe6, 0xf1, 0xfc, 0x07, 0x12, 0x1d,
        b'O', b'R', b'D', b'E', b'R', b'-', b'0', b'1', b'2', b'3', b'4', b'5', b'6', b' ',
    ];
    both_ways!(
        Outbound,
        bytes,
        Optional,
        Rejected {
            message_type: b'J',
            timestamp: 0x8e99_a4af_bac5_d0db.into(),
            user_ref_num: 0xe6f1_fc07.into(),
            reason: 0x121d.into(),
            clordid: *b"ORDER-0123456 ",
        }
    );
}

#[test]
fn cancel_pending_bytes() {
    let bytes = [b'P', 0x5d, 0x68, 0x73, 0x7e, 0x89, 0x94, 0x9f, 0xaa, 0xb5, 0xc0, 0xcb, 0xd6];
    both_ways!(
        Outbound,
        bytes,
        Optional,
        CancelPending {
            message_type: b'P',
            timestamp: 0x5d68_737e_8994_9faa.into(),
            user_ref_num: 0xb5c0_cbd6.into(),
        }
    );
}

#[test]
fn cancel_reject_bytes() {
    let bytes = [b'I', 0x16, 0x21, 0x2c, 0x37, 0x42, 0x4d, 0x58, 0x63, 0x6e, 0x79, 0x84, 0x8f];
    both_ways!(
        Outbound,
        bytes,
        Optional,
        CancelReject {
            message_type: b'I',
            timestamp: 0x1621_2c37_424d_5863.into(),
            user_ref_num: 0x6e79_848f.into(),
        }
    );
}

#[test]
fn order_priority_update_bytes() {
    let bytes = [
        b'T', 0xcf, 0xda, 0xe5, 0xf0, 0xfb, 0x06, 0x11, 0x1c, 0x27, 0x32, 0x3d, 0x48, 0x53, 0x5e,
        0x69, 0x74, 0x7f, 0x8a, 0x95, 0xa0, b'H', 0xab, 0xb6, 0xc1, 0xcc, 0xd7, 0xe2, 0xed, 0xf8,
    ];
    both_ways!(
        Outbound,
        bytes,
        Optional,
        OrderPriorityUpdate {
            message_type: b'T',
            timestamp: 0xcfda_e5f0_fb06_111c.into(),
            user_ref_num: 0x2732_3d48.into(),
            price: WirePrice::from_e4(0x535e_6974_7f8a_95a0),
            display: b'H',
            order_reference_number: 0xabb6_c1cc_d7e2_edf8.into(),
        }
    );
}

#[test]
fn order_modified_bytes() {
    let bytes = [
        b'M', 0x38, 0x43, 0x4e, 0x59, 0x64, 0x6f, 0x7a, 0x85, 0x90, 0x9b, 0xa6, 0xb1, b'Q', 0xbc,
        0xc7, 0xd2, 0xdd,
    ];
    both_ways!(
        Outbound,
        bytes,
        Optional,
        OrderModified {
            message_type: b'M',
            timestamp: 0x3843_4e59_646f_7a85.into(),
            user_ref_num: 0x909b_a6b1.into(),
            side: b'Q',
            quantity: 0xbcc7_d2dd.into(),
        }
    );
}

#[test]
fn order_restated_bytes() {
    let bytes =
        [b'R', 0x1d, 0x28, 0x33, 0x3e, 0x49, 0x54, 0x5f, 0x6a, 0x75, 0x80, 0x8b, 0x96, b'L'];
    both_ways!(
        Outbound,
        bytes,
        Always,
        OrderRestated {
            message_type: b'R',
            timestamp: 0x1d28_333e_4954_5f6a.into(),
            user_ref_num: 0x7580_8b96.into(),
            reason: b'L',
        }
    );
}

#[test]
fn mass_cancel_response_bytes() {
    let bytes = [
        b'X', 0xd6, 0xe1, 0xec, 0xf7, 0x02, 0x0d, 0x18, 0x23, 0x2e, 0x39, 0x44, 0x4f, b'N', b'I',
        b'T', b'E', b'Z', b'V', b'Z', b'Z', b'T', b' ', b' ', b' ',
    ];
    both_ways!(
        Outbound,
        bytes,
        Always,
        MassCancelResponse {
            message_type: b'X',
            timestamp: 0xd6e1_ecf7_020d_1823.into(),
            user_ref_num: 0x2e39_444f.into(),
            firm: *b"NITE",
            symbol: Symbol(*b"ZVZZT   "),
        }
    );
}

#[test]
fn disable_order_entry_response_bytes() {
    let bytes = [
        b'G', 0x8f, 0x9a, 0xa5, 0xb0, 0xbb, 0xc6, 0xd1, 0xdc, 0xe7, 0xf2, 0xfd, 0x08, b'N', b'I',
        b'T', b'E',
    ];
    both_ways!(
        Outbound,
        bytes,
        Always,
        DisableOrderEntryResponse {
            message_type: b'G',
            timestamp: 0x8f9a_a5b0_bbc6_d1dc.into(),
            user_ref_num: 0xe7f2_fd08.into(),
            firm: *b"NITE",
        }
    );
}

#[test]
fn enable_order_entry_response_bytes() {
    let bytes = [
        b'K', 0x48, 0x53, 0x5e, 0x69, 0x74, 0x7f, 0x8a, 0x95, 0xa0, 0xab, 0xb6, 0xc1, b'N', b'I',
        b'T', b'E',
    ];
    both_ways!(
        Outbound,
        bytes,
        Always,
        EnableOrderEntryResponse {
            message_type: b'K',
            timestamp: 0x4853_5e69_747f_8a95.into(),
            user_ref_num: 0xa0ab_b6c1.into(),
            firm: *b"NITE",
        }
    );
}

#[test]
fn account_query_response_bytes() {
    let bytes = [b'Q', 0x01, 0x0c, 0x17, 0x22, 0x2d, 0x38, 0x43, 0x4e, 0x59, 0x64, 0x6f, 0x7a];
    both_ways!(
        Outbound,
        bytes,
        Optional,
        AccountQueryResponse {
            message_type: b'Q',
            timestamp: 0x10c_1722_2d38_434e.into(),
            next_user_ref_num: 0x5964_6f7a.into(),
        }
    );
}
