//! The bytes of every message, written out from the field table: the parser must find each field in them, and
//! the same fields must be written as them. Each field's bytes are unlike its neighbours', so that none can be mistaken.

use super::*;

fn head(message_type: u8, stock_locate: u16, tracking_number: u16, timestamp: u64) -> Head {
    let tracking_number = tracking_number.into();
    Head { tracking_number, ..Head::new(message_type, stock_locate, timestamp) }
}

/// `bytes` are `message`, read and written.
#[track_caller]
fn assert_both_ways(bytes: &[u8], message: Message<'_>) {
    assert_eq!(Message::parse(bytes), Ok(message));
    assert_eq!(message.as_bytes(), bytes);
}

#[test]
fn system_event_bytes() {
    let bytes = [b'S', 0x11, 0x1c, 0x28, 0x33, 0x3f, 0x4a, 0x55, 0x60, 0x6b, 0x76, b'Q'];
    assert_both_ways(
        &bytes,
        Message::SystemEvent(&SystemEvent {
            head: head(b'S', 0x111c, 0x2833, 0x3f4a_5560_6b76),
            event_code: b'Q',
        }),
    );
}

#[test]
fn stock_directory_bytes() {
    let bytes = [
        b'R', 0x56, 0x61, 0x6d, 0x78, 0x84, 0x8f, 0x9a, 0xa5, 0xb0, 0xbb, b'Z', b'V', b'Z', b'Z',
        b'T', b' ', b' ', b' ', b'N', b'Y', 0x9b, 0xa6, 0xb1, 0xbc, b'C', b'P', b'Z', b' ', b'S',
        b'A', b'B', b'D', b'E', 0xb2, 0xbd, 0xc8, 0xd3, b'F',
    ];
    assert_both_ways(
        &bytes,
        Message::StockDirectory(&StockDirectory {
            head: head(b'R', 0x5661, 0x6d78, 0x848f_9aa5_b0bb),
            stock: Stock(*b"ZVZZT   "),
            market_category: b'N',
            financial_status_indicator: b'Y',
            round_lot_size: 0x9ba6_b1bc.into(),
            round_lots_only: b'C',
            issue_classification: b'P',
            issue_sub_type: *b"Z ",
            authenticity: b'S',
            short_sale_threshold_indicator: b'A',
            ipo_flag: b'B',
            luld_reference_price_tier: b'D',
            etp_flag: b'E',
            etp_leverage_factor: 0xb2bd_c8d3.into(),
            inverse_indicator: b'F',
        }),
    );
}

#[test]
fn stock_trading_action_bytes() {
    let bytes = [
        b'H', 0xc9, 0xd4, 0xe0, 0xeb, 0xf7, 0x02, 0x0d, 0x18, 0x23, 0x2e, b'Z', b'V', b'Z', b'Z',
        b'T', b' ', b' ', b' ', b'G', b'H', b'L', b'U', b'D', b'P',
    ];
    assert_both_ways(
        &bytes,
        Message::StockTradingAction(&StockTradingAction {
            head: head(b'H', 0xc9d4, 0xe0eb, 0xf702_0d18_232e),
            stock: Stock(*b"ZVZZT   "),
            trading_state: b'G',
            reserved: b'H',
            reason: *b"LUDP",
        }),
    );
}

#[test]
fn reg_sho_restriction_bytes() {
    let bytes = [
        b'Y', 0x0e, 0x19, 0x25, 0x30, 0x3c, 0x47, 0x52, 0x5d, 0x68, 0x73, b'Z', b'V', b'Z', b'Z',
        b'T', b' ', b' ', b' ', b'I',
    ];
    assert_both_ways(
        &bytes,
        Message::RegShoRestriction(&RegShoRestriction {
            head: head(b'Y', 0xe19, 0x2530, 0x3c47_525d_6873),
            stock: Stock(*b"ZVZZT   "),
            reg_sho_action: b'I',
        }),
    );
}

#[test]
fn market_participant_position_bytes() {
    let bytes = [
        b'L', 0x53, 0x5e, 0x6a, 0x75, 0x81, 0x8c, 0x97, 0xa2, 0xad, 0xb8, b'N', b'I', b'T', b'E',
        b'Z', b'V', b'Z', b'Z', b'T', b' ', b' ', b' ', b'J', b'K', b'L',
    ];
    assert_both_ways(
        &bytes,
        Message::MarketParticipantPosition(&MarketParticipantPosition {
            head: head(b'L', 0x535e, 0x6a75, 0x818c_97a2_adb8),
            mpid: *b"NITE",
            stock: Stock(*b"ZVZZT   "),
            primary_market_maker: b'J',
            market_maker_mode: b'K',
            market_participant_state: b'L',
        }),
    );
}

#[test]
fn mwcb_decline_level_bytes() {
    let bytes = [
        b'V', 0x98, 0xa3, 0xaf, 0xba, 0xc6, 0xd1, 0xdc, 0xe7, 0xf2, 0xfd, 0xdd, 0xe8, 0xf3, 0xfe,
        0x09, 0x14, 0x1f, 0x2a, 0xf4, 0xff, 0x0a, 0x15, 0x20, 0x2b, 0x36, 0x41, 0x0b, 0x16, 0x21,
        0x2c, 0x37, 0x42, 0x4d, 0x58,
    ];
    assert_both_ways(
        &bytes,
        Message::MwcbDeclineLevel(&MwcbDeclineLevel {
            head: head(b'V', 0x98a3, 0xafba, 0xc6d1_dce7_f2fd),
            level1: 0xdde8_f3fe_0914_1f2a.into(),
            level2: 0xf4ff_0a15_202b_3641.into(),
            level3: 0xb16_212c_3742_4d58.into(),
        }),
    );
}

#[test]
fn mwcb_status_bytes() {
    let bytes = [b'W', 0x22, 0x2d, 0x39, 0x44, 0x50, 0x5b, 0x66, 0x71, 0x7c, 0x87, b'M'];
    assert_both_ways(
        &bytes,
        Message::MwcbStatus(&MwcbStatus {
            head: head(b'W', 0x222d, 0x3944, 0x505b_6671_7c87),
            breached_level: b'M',
        }),
    );
}

#[test]
fn ipo_quoting_period_update_bytes() {
    let bytes = [
        b'K', 0x67, 0x72, 0x7e, 0x89, 0x95, 0xa0, 0xab, 0xb6, 0xc1, 0xcc, b'Z', b'V', b'Z', b'Z',
        b'T', b' ', b' ', b' ', 0xac, 0xb7, 0xc2, 0xcd, b'O', 0xc3, 0xce, 0xd9, 0xe4,
    ];
    assert_both_ways(
        &bytes,
        Message::IpoQuotingPeriodUpdate(&IpoQuotingPeriodUpdate {
            head: head(b'K', 0x6772, 0x7e89, 0x95a0_abb6_c1cc),
            stock: Stock(*b"ZVZZT   "),
            ipo_quotation_release_time: 0xacb7_c2cd.into(),
            ipo_quotation_release_qualifier: b'O',
            ipo_price: 0xc3ce_d9e4.into(),
        }),
    );
}

#[test]
fn luld_auction_collar_bytes() {
    let bytes = [
        b'J', 0xda, 0xe5, 0xf1, 0xfc, 0x08, 0x13, 0x1e, 0x29, 0x34, 0x3f, b'Z', b'V', b'Z', b'Z',
        b'T', b' ', b' ', b' ', 0x1f, 0x2a, 0x35, 0x40, 0x36, 0x41, 0x4c, 0x57, 0x4d, 0x58, 0x63,
        0x6e, 0x64, 0x6f, 0x7a, 0x85,
    ];
    assert_both_ways(
        &bytes,
        Message::LuldAuctionCollar(&LuldAuctionCollar {
            head: head(b'J', 0xdae5, 0xf1fc, 0x813_1e29_343f),
            stock: Stock(*b"ZVZZT   "),
            auction_collar_reference_price: 0x1f2a_3540.into(),
            upper_auction_collar_price: 0x3641_4c57.into(),
            lower_auction_collar_price: 0x4d58_636e.into(),
            auction_collar_extension: 0x646f_7a85.into(),
        }),
    );
}

#[test]
fn operational_halt_bytes() {
    let bytes = [
        b'h', 0x7b, 0x86, 0x92, 0x9d, 0xa9, 0xb4, 0xbf, 0xca, 0xd5, 0xe0, b'Z', b'V', b'Z', b'Z',
        b'T', b' ', b' ', b' ', b'T', b'U',
    ];
    assert_both_ways(
        &bytes,
        Message::OperationalHalt(&OperationalHalt {
            head: head(b'h', 0x7b86, 0x929d, 0xa9b4_bfca_d5e0),
            stock: Stock(*b"ZVZZT   "),
            market_code: b'T',
            operational_halt_action: b'U',
        }),
    );
}

#[test]
fn add_order_bytes() {
    let bytes = [
        b'A', 0xc0, 0xcb, 0xd7, 0xe2, 0xee, 0xf9, 0x04, 0x0f, 0x1a, 0x25, 0x05, 0x10, 0x1b, 0x26,
        0x31, 0x3c, 0x47, 0x52, b'V', 0x1c, 0x27, 0x32, 0x3d, b'Z', b'V', b'Z', b'Z', b'T', b' ',
        b' ', b' ', 0x33, 0x3e, 0x49, 0x54,
    ];
    assert_both_ways(
        &bytes,
        Message::AddOrder(&AddOrder {
            head: head(b'A', 0xc0cb, 0xd7e2, 0xeef9_040f_1a25),
            order_reference_number: 0x510_1b26_313c_4752.into(),
            buy_sell_indicator: b'V',
            shares: 0x1c27_323d.into(),
            stock: Stock(*b"ZVZZT   "),
            price: 0x333e_4954.into(),
        }),
    );
}

#[test]
fn add_order_mpid_bytes() {
    let bytes = [
        b'F', 0x4a, 0x55, 0x61, 0x6c, 0x78, 0x83, 0x8e, 0x99, 0xa4, 0xaf, 0x8f, 0x9a, 0xa5, 0xb0,
        0xbb, 0xc6, 0xd1, 0xdc, b'W', 0xa6, 0xb1, 0xbc, 0xc7, b'Z', b'V', b'Z', b'Z', b'T', b' ',
        b' ', b' ', 0xbd, 0xc8, 0xd3, 0xde, b'G', b'S', b'C', b'O',
    ];
    assert_both_ways(
        &bytes,
        Message::AddOrderMpid(&AddOrderMpid {
            head: head(b'F', 0x4a55, 0x616c, 0x7883_8e99_a4af),
            order_reference_number: 0x8f9a_a5b0_bbc6_d1dc.into(),
            buy_sell_indicator: b'W',
            shares: 0xa6b1_bcc7.into(),
            stock: Stock(*b"ZVZZT   "),
            price: 0xbdc8_d3de.into(),
            attribution: *b"GSCO",
        }),
    );
}

#[test]
fn order_executed_bytes() {
    let bytes = [
        b'E', 0xd4, 0xdf, 0xeb, 0xf6, 0x02, 0x0d, 0x18, 0x23, 0x2e, 0x39, 0x19, 0x24, 0x2f, 0x3a,
        0x45, 0x50, 0x5b, 0x66, 0x30, 0x3b, 0x46, 0x51, 0x47, 0x52, 0x5d, 0x68, 0x73, 0x7e, 0x89,
        0x94,
    ];
    assert_both_ways(
        &bytes,
        Message::OrderExecuted(&OrderExecuted {
            head: head(b'E', 0xd4df, 0xebf6, 0x20d_1823_2e39),
            order_reference_number: 0x1924_2f3a_4550_5b66.into(),
            executed_shares: 0x303b_4651.into(),
            match_number: 0x4752_5d68_737e_8994.into(),
        }),
    );
}

#[test]
fn order_executed_with_price_bytes() {
    let bytes = [
        b'C', 0x5e, 0x69, 0x75, 0x80, 0x8c, 0x97, 0xa2, 0xad, 0xb8, 0xc3, 0xa3, 0xae, 0xb9, 0xc4,
        0xcf, 0xda, 0xe5, 0xf0, 0xba, 0xc5, 0xd0, 0xdb, 0xd1, 0xdc, 0xe7, 0xf2, 0xfd, 0x08, 0x13,
        0x1e, b'X', 0xe8, 0xf3, 0xfe, 0x09,
    ];
    assert_both_ways(
        &bytes,
        Message::OrderExecutedWithPrice(&OrderExecutedWithPrice {
            head: head(b'C', 0x5e69, 0x7580, 0x8c97_a2ad_b8c3),
            order_reference_number: 0xa3ae_b9c4_cfda_e5f0.into(),
            executed_shares: 0xbac5_d0db.into(),
            match_number: 0xd1dc_e7f2_fd08_131e.into(),
            printable: b'X',
            execution_price: 0xe8f3_fe09.into(),
        }),
    );
}

#[test]
fn order_cancel_bytes() {
    let bytes = [
        b'X', 0xff, 0x0a, 0x16, 0x21, 0x2d, 0x38, 0x43, 0x4e, 0x59, 0x64, 0x44, 0x4f, 0x5a, 0x65,
        0x70, 0x7b, 0x86, 0x91, 0x5b, 0x66, 0x71, 0x7c,
    ];
    assert_both_ways(
        &bytes,
        Message::OrderCancel(&OrderCancel {
            head: head(b'X', 0xff0a, 0x1621, 0x2d38_434e_5964),
            order_reference_number: 0x444f_5a65_707b_8691.into(),
            cancelled_shares: 0x5b66_717c.into(),
        }),
    );
}

#[test]
fn order_delete_bytes() {
    let bytes = [
        b'D', 0x72, 0x7d, 0x89, 0x94, 0xa0, 0xab, 0xb6, 0xc1, 0xcc, 0xd7, 0xb7, 0xc2, 0xcd, 0xd8,
        0xe3, 0xee, 0xf9, 0x04,
    ];
    assert_both_ways(
        &bytes,
        Message::OrderDelete(&OrderDelete {
            head: head(b'D', 0x727d, 0x8994, 0xa0ab_b6c1_ccd7),
            order_reference_number: 0xb7c2_cdd8_e3ee_f904.into(),
        }),
    );
}

#[test]
fn order_replace_bytes() {
    let bytes = [
        b'U', 0xce, 0xd9, 0xe5, 0xf0, 0xfc, 0x07, 0x12, 0x1d, 0x28, 0x33, 0x13, 0x1e, 0x29, 0x34,
        0x3f, 0x4a, 0x55, 0x60, 0x2a, 0x35, 0x40, 0x4b, 0x56, 0x61, 0x6c, 0x77, 0x41, 0x4c, 0x57,
        0x62, 0x58, 0x63, 0x6e, 0x79,
    ];
    assert_both_ways(
        &bytes,
        Message::OrderReplace(&OrderReplace {
            head: head(b'U', 0xced9, 0xe5f0, 0xfc07_121d_2833),
            original_order_reference_number: 0x131e_2934_3f4a_5560.into(),
            new_order_reference_number: 0x2a35_404b_5661_6c77.into(),
            shares: 0x414c_5762.into(),
            price: 0x5863_6e79.into(),
        }),
    );
}

#[test]
fn trade_non_cross_bytes() {
    let bytes = [
        b'P', 0x6f, 0x7a, 0x86, 0x91, 0x9d, 0xa8, 0xb3, 0xbe, 0xc9, 0xd4, 0xb4, 0xbf, 0xca, 0xd5,
        0xe0, 0xeb, 0xf6, 0x01, b'Q', 0xcb, 0xd6, 0xe1, 0xec, b'Z', b'V', b'Z', b'Z', b'T', b' ',
        b' ', b' ', 0xe2, 0xed, 0xf8, 0x03, 0xf9, 0x04, 0x0f, 0x1a, 0x25, 0x30, 0x3b, 0x46,
    ];
    assert_both_ways(
        &bytes,
        Message::TradeNonCross(&TradeNonCross {
            head: head(b'P', 0x6f7a, 0x8691, 0x9da8_b3be_c9d4),
            order_reference_number: 0xb4bf_cad5_e0eb_f601.into(),
            buy_sell_indicator: b'Q',
            shares: 0xcbd6_e1ec.into(),
            stock: Stock(*b"ZVZZT   "),
            price: 0xe2ed_f803.into(),
            match_number: 0xf904_0f1a_2530_3b46.into(),
        }),
    );
}

#[test]
fn cross_trade_bytes() {
    let bytes = [
        b'Q', 0x10, 0x1b, 0x27, 0x32, 0x3e, 0x49, 0x54, 0x5f, 0x6a, 0x75, 0x55, 0x60, 0x6b, 0x76,
        0x81, 0x8c, 0x97, 0xa2, b'Z', b'V', b'Z', b'Z', b'T', b' ', b' ', b' ', 0x6c, 0x77, 0x82,
        0x8d, 0x83, 0x8e, 0x99, 0xa4, 0xaf, 0xba, 0xc5, 0xd0, b'N',
    ];
    assert_both_ways(
        &bytes,
        Message::CrossTrade(&CrossTrade {
            head: head(b'Q', 0x101b, 0x2732, 0x3e49_545f_6a75),
            shares: 0x5560_6b76_818c_97a2.into(),
            stock: Stock(*b"ZVZZT   "),
            cross_price: 0x6c77_828d.into(),
            match_number: 0x838e_99a4_afba_c5d0.into(),
            cross_type: b'N',
        }),
    );
}

#[test]
fn broken_trade_bytes() {
    let bytes = [
        b'B', 0x9a, 0xa5, 0xb1, 0xbc, 0xc8, 0xd3, 0xde, 0xe9, 0xf4, 0xff, 0xdf, 0xea, 0xf5, 0x00,
        0x0b, 0x16, 0x21, 0x2c,
    ];
    assert_both_ways(
        &bytes,
        Message::BrokenTrade(&BrokenTrade {
            head: head(b'B', 0x9aa5, 0xb1bc, 0xc8d3_dee9_f4ff),
            match_number: 0xdfea_f500_0b16_212c.into(),
        }),
    );
}

#[test]
fn noii_bytes() {
    let bytes = [
        b'I', 0xf6, 0x01, 0x0d, 0x18, 0x24, 0x2f, 0x3a, 0x45, 0x50, 0x5b, 0x3b, 0x46, 0x51, 0x5c,
        0x67, 0x72, 0x7d, 0x88, 0x52, 0x5d, 0x68, 0x73, 0x7e, 0x89, 0x94, 0x9f, b'Y', b'Z', b'V',
        b'Z', b'Z', b'T', b' ', b' ', b' ', 0x69, 0x74, 0x7f, 0x8a, 0x80, 0x8b, 0x96, 0xa1, 0x97,
        0xa2, 0xad, 0xb8, b'C', b'P',
    ];
    assert_both_ways(
        &bytes,
        Message::Noii(&Noii {
            head: head(b'I', 0xf601, 0xd18, 0x242f_3a45_505b),
            paired_shares: 0x3b46_515c_6772_7d88.into(),
            imbalance_shares: 0x525d_6873_7e89_949f.into(),
            imbalance_direction: b'Y',
            stock: Stock(*b"ZVZZT   "),
            far_price: 0x6974_7f8a.into(),
            near_price: 0x808b_96a1.into(),
            current_reference_price: 0x97a2_adb8.into(),
            cross_type: b'C',
            price_variation_indicator: b'P',
        }),
    );
}

#[test]
fn rpii_bytes() {
    let bytes = [
        b'N', 0xae, 0xb9, 0xc5, 0xd0, 0xdc, 0xe7, 0xf2, 0xfd, 0x08, 0x13, b'Z', b'V', b'Z', b'Z',
        b'T', b' ', b' ', b' ', b'S',
    ];
    assert_both_ways(
        &bytes,
        Message::Rpii(&Rpii {
            head: head(b'N', 0xaeb9, 0xc5d0, 0xdce7_f2fd_0813),
            stock: Stock(*b"ZVZZT   "),
            interest_flag: b'S',
        }),
    );
}

#[test]
fn dlcr_price_discovery_bytes() {
    let bytes = [
        b'O', 0xf3, 0xfe, 0x0a, 0x15, 0x21, 0x2c, 0x37, 0x42, 0x4d, 0x58, b'Z', b'V', b'Z', b'Z',
        b'T', b' ', b' ', b' ', b'A', 0x38, 0x43, 0x4e, 0x59, 0x4f, 0x5a, 0x65, 0x70, 0x66, 0x71,
        0x7c, 0x87, 0x7d, 0x88, 0x93, 0x9e, 0xa9, 0xb4, 0xbf, 0xca, 0x94, 0x9f, 0xaa, 0xb5, 0xab,
        0xb6, 0xc1, 0xcc,
    ];
    assert_both_ways(
        &bytes,
        Message::DlcrPriceDiscovery(&DlcrPriceDiscovery {
            head: head(b'O', 0xf3fe, 0xa15, 0x212c_3742_4d58),
            stock: Stock(*b"ZVZZT   "),
            open_eligibility_status: b'A',
            minimum_allowable_price: 0x3843_4e59.into(),
            maximum_allowable_price: 0x4f5a_6570.into(),
            near_execution_price: 0x6671_7c87.into(),
            near_execution_time: 0x7d88_939e_a9b4_bfca.into(),
            lower_price_range_collar: 0x949f_aab5.into(),
            upper_price_range_collar: 0xabb6_c1cc.into(),
        }),
    );
}
