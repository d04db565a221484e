//! From a limits file to the numbers that the gate holds orders against.

use super::file::LimitsFile;
use super::keys::{self, PHASE_NAMES};
use super::value::Value;
use crate::base::instrument::{InstrumentTable, Symbol};
use crate::base::name::STRATEGIES;
use crate::base::unit::*;
use crate::risk::*;
use crate::topology::error::{ConfigError, Fault};

impl LimitsFile {
    /// The limits as the gate takes them, for the instruments of `table`. Without tables of accounts, `account` may trade;
    /// without tables of strategies, each that there is may, for it.
    ///
    /// # Errors
    /// At the first symbol that is not in the table, the first account that is not among those that may trade, and the first
    /// width of a collar that is off.
    pub fn set(
        &self,
        account: AccountId,
        table: Option<&InstrumentTable>,
    ) -> Result<LimitSet, ConfigError> {
        self.check_collars("instrument")?;
        let mut classes = vec![self.class("instrument")];
        let singles = self.singles(table, &mut classes)?;
        let accounts = self.accounts(account)?;
        Ok(LimitSet {
            version: self.version(),
            firm: self.level("firm"),
            strategies: self.strategies(account, &accounts, table)?,
            accounts,
            classes,
            singles,
            phases: PhaseLimits { limit: self.phases("limit"), market: self.phases("market") },
        })
    }

    fn accounts(&self, own: AccountId) -> Result<Vec<AccountScope>, ConfigError> {
        let names = self.names("account");
        if names.len() > ACCOUNTS_MAX {
            let path = format!("account.{}", names.iter().next_back().cloned().unwrap_or_default());
            let fault = Fault::TooMany { count: names.len(), most: ACCOUNTS_MAX };
            return Err(self.refuse(&path, fault));
        }
        let mut accounts: Vec<_> = names
            .iter()
            .filter_map(|name| {
                let id = AccountId(name.parse().ok()?);
                Some(AccountScope { id, limits: self.level(&format!("account.{name}")) })
            })
            .collect();
        if accounts.is_empty() {
            accounts.push(AccountScope { id: own, limits: LevelLimits::default() });
        }
        accounts.sort_by_key(|scope| scope.id);
        Ok(accounts)
    }

    fn strategies(
        &self,
        own: AccountId,
        accounts: &[AccountScope],
        table: Option<&InstrumentTable>,
    ) -> Result<Vec<StrategyScope>, ConfigError> {
        let names = self.names("strategy");
        let mut scopes = Vec::new();
        for (name, id) in STRATEGIES {
            if !names.is_empty() && !names.contains(name) {
                continue;
            }
            let at = format!("strategy.{name}");
            let read = |key: &str| keys::find("strategy", key).map(|key| self.value(&at, key));
            let account = match read("account") {
                Some(Value::Number(id)) => AccountId(id as u32),
                _ => own,
            };
            if !accounts.iter().any(|scope| scope.id == account) {
                let known: Vec<u32> = accounts.iter().map(|scope| scope.id.0).collect();
                let fault = Fault::NoAccount { account: account.0, known };
                return Err(self.refuse(&format!("{at}.account"), fault));
            }
            let mut instruments = Vec::new();
            if let Some(Value::List(symbols)) = read("instruments") {
                for symbol in symbols {
                    let path = format!("{at}.instruments");
                    instruments.push(self.instrument(&path, &symbol, table)?);
                }
            }
            instruments.sort_unstable();
            let limits = self.level(&at);
            scopes.push(StrategyScope { id, account, limits, instruments });
        }
        scopes.sort_by_key(|scope| scope.id);
        Ok(scopes)
    }

    fn singles(
        &self,
        table: Option<&InstrumentTable>,
        classes: &mut Vec<InstrumentClass>,
    ) -> Result<Vec<Single>, ConfigError> {
        let mut singles = Vec::new();
        for name in self.names("symbol") {
            let at = format!("symbol.{name}");
            self.check_collars(&at)?;
            let instrument = self.instrument(&at, &name, table)?;
            let class = self.class(&at);
            let known = classes.iter().position(|it| *it == class);
            let class = known.unwrap_or_else(|| {
                classes.push(class);
                classes.len() - 1
            });
            // A table has no more instruments than there are numbers here.
            let class = u16::try_from(class).unwrap_or(u16::MAX);
            let read = |key: &str| keys::find("symbol", key).map(|key| self.value(&at, key));
            singles.push(Single {
                instrument,
                class,
                restricted: read("restricted") == Some(Value::Flag(true)),
                located: match read("located") {
                    Some(Value::Number(qty)) => Some(Qty(qty)),
                    _ => None,
                },
                negative_prices: read("negative_prices") == Some(Value::Flag(true)),
            });
        }
        singles.sort_by_key(|single| single.instrument);
        Ok(singles)
    }

    fn instrument(
        &self,
        path: &str,
        symbol: &str,
        table: Option<&InstrumentTable>,
    ) -> Result<InstrumentId, ConfigError> {
        // Names in a file that was read are symbols.
        let symbol: Symbol = symbol.parse().unwrap_or(Symbol::BLANK);
        let Some(table) = table else {
            return Err(self.refuse(path, Fault::NoTableFor { symbol }));
        };
        table.find(symbol).ok_or_else(|| self.refuse(path, Fault::NotInTable { symbol }))
    }

    fn phases(&self, key: &str) -> u8 {
        let Some(Value::List(names)) = keys::find("phases", key).map(|it| self.value("phases", it))
        else {
            return 0;
        };
        let phases = PHASE_NAMES.iter().filter(|phase| names.iter().any(|it| it == phase.name()));
        phases.fold(0, |bits, phase| bits | 1 << phase.0)
    }

    /// A width that would be left out, because its share is off, is refused.
    fn check_collars(&self, at: &str) -> Result<(), ConfigError> {
        let limits = Reader { file: self, at };
        for (share, width) in
            [("collar_bp", "collar_width"), ("market_collar_bp", "market_collar_width")]
        {
            if limits.read(share) == Value::Off && limits.price(width) > Price(0) {
                let mut written = [width, share].map(|key| format!("{at}.{key}")).into_iter();
                let path = written.find(|path| self.values().any(|(known, _)| known == path));
                let path = path.unwrap_or_else(|| at.into());
                return Err(self.refuse(&path, Fault::WidthAlone { share }));
            }
        }
        Ok(())
    }

    fn class(&self, at: &str) -> InstrumentClass {
        InstrumentClass { order: self.order(at), level: self.level(at) }
    }

    fn level(&self, at: &str) -> LevelLimits {
        let limits = Reader { file: self, at };
        let (value_max, qty_max) = (limits.money("window_value_max"), limits.qty("window_qty_max"));
        let window = (value_max.is_some() || qty_max.is_some()).then(|| WindowLimit {
            within: limits.millis("window_ms"),
            value_max,
            qty_max,
        });
        LevelLimits {
            gross_max: limits.money("gross_max"),
            net_max: limits.money("net_max"),
            credit_max: limits.money("credit_max"),
            window,
            rate: limits.count("orders_per_second").map(|per_second| RateLimit {
                per_second,
                burst: limits.count("orders_burst").unwrap_or(1),
            }),
            open_orders_max: limits.count("open_orders_max"),
            orders_per_trade_max: limits.count("orders_per_trade_max"),
            loss_reduce: limits.money("loss_reduce"),
            loss_kill: limits.money("loss_kill"),
            breaker: limits.count("breaker_failures").map(|failures| BreakerLimit {
                failures,
                within: limits.millis("breaker_within_ms"),
                pause: limits.millis("breaker_pause_ms"),
                trials: limits.count("breaker_trials").unwrap_or(1),
                answer_within: Nanos(limits.number("breaker_answer_us").unwrap_or(0) * 1_000),
            }),
        }
    }

    fn order(&self, at: &str) -> OrderLimits {
        let limits = Reader { file: self, at };
        let collar = |bp: &str, width: &str, passive| {
            limits.count(bp).map(|bp| Collar { bp, width: limits.price(width), passive })
        };
        let passive = limits.read("collar_passive") == Value::Flag(true);
        OrderLimits {
            qty_max: limits.qty("order_qty_max"),
            notional_max: limits.money("order_notional_max"),
            average_volume_bp: limits.count("average_volume_bp"),
            collar: collar("collar_bp", "collar_width", passive),
            market_collar: collar("market_collar_bp", "market_collar_width", false),
            sale_marks: limits.read("sale_marks") == Value::Flag(true),
            market_age_max: limits.number("market_age_us").map(|us| Nanos(us * 1_000)),
            long_max: limits.qty("long_max"),
            short_max: limits.qty("short_max"),
            repeats: limits
                .count("repeats_max")
                .map(|count| RepeatLimit { count, within: limits.millis("repeats_within_ms") }),
            self_trade: match limits.read("self_trade") {
                Value::Word(word) if word == "cancel-newest" => Some(SelfTrade::CancelNewest),
                Value::Word(word) if word == "cancel-oldest" => Some(SelfTrade::CancelOldest),
                Value::Word(_) => Some(SelfTrade::CancelBoth),
                _ => None,
            },
        }
    }
}

/// Reads the keys of one table.
struct Reader<'a> {
    file: &'a LimitsFile,
    at: &'a str,
}

impl Reader<'_> {
    fn read(&self, name: &str) -> Value {
        let table = self.at.split_once('.').map_or(self.at, |(table, _)| table);
        keys::find(table, name).map_or(Value::Off, |key| self.file.value(self.at, key))
    }

    fn number(&self, name: &str) -> Option<u64> {
        if let Value::Number(number) = self.read(name) { Some(number) } else { None }
    }

    /// The ranges of these keys end below 2^32.
    fn count(&self, name: &str) -> Option<u32> {
        self.number(name).map(|number| u32::try_from(number).unwrap_or(u32::MAX))
    }

    fn qty(&self, name: &str) -> Option<Qty> {
        self.number(name).map(Qty)
    }

    /// Whole units of the currency.
    fn money(&self, name: &str) -> Option<Money> {
        self.number(name).map(|units| Money(i128::from(units) * i128::from(PRICE_SCALE)))
    }

    fn millis(&self, name: &str) -> Nanos {
        Nanos(self.number(name).unwrap_or(0) * 1_000_000)
    }

    fn price(&self, name: &str) -> Price {
        if let Value::Price(price) = self.read(name) { price } else { Price(0) }
    }
}
