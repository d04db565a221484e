//! Keys: `k` kills once `y` confirms it, `q` and Ctrl-C stop.
#![forbid(unsafe_code)]

use super::Asked;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What was pressed so far.
#[derive(Debug, Default)]
pub(super) struct Keys {
    asks: bool,
}

impl Keys {
    /// Whether the person is asked if the kill is meant.
    pub(super) fn asks(&self) -> bool {
        self.asks
    }

    /// A key was pressed. One kill is enough: once `killed`, none is asked for.
    pub(super) fn press(&mut self, key: &KeyEvent, killed: bool) -> Asked {
        let asked = std::mem::take(&mut self.asks);
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return if key.code == KeyCode::Char('c') { Asked::Stop } else { Asked::Nothing };
        }
        match key.code {
            KeyCode::Char('y' | 'Y') if asked && !killed => Asked::Kill,
            // Whatever else answers the question says no, and nothing more.
            _ if asked => Asked::Nothing,
            KeyCode::Char('k' | 'K') => {
                self.asks = !killed;
                Asked::Nothing
            }
            KeyCode::Char('q' | 'Q') => Asked::Stop,
            _ => Asked::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pressed(keys: &str, killed: bool) -> (Vec<Asked>, bool) {
        let mut state = Keys::default();
        let press = |key| state.press(&KeyEvent::from(KeyCode::Char(key)), killed);
        (keys.chars().map(press).collect(), state.asks())
    }

    #[test]
    fn a_kill_is_asked_once_and_only_a_yes_kills() {
        use Asked::{Kill, Nothing};
        assert_eq!(pressed("k", false), (vec![Nothing], true));
        assert_eq!(pressed("ky", false), (vec![Nothing, Kill], false));
        assert_eq!(pressed("y", false), (vec![Nothing], false));
        for no in ["knyy", "kqyy", "kkyy"] {
            assert_eq!(pressed(no, false), (vec![Nothing; 4], false), "{no}");
        }
        assert_eq!(pressed("ky", true), (vec![Nothing, Nothing], false), "it is killed already");
    }

    #[test]
    fn q_stops_and_ctrl_c_does_even_in_the_middle_of_a_question() {
        assert_eq!(pressed("xq", false).0, [Asked::Nothing, Asked::Stop]);
        let mut keys = Keys::default();
        let control = |code| KeyEvent::new(KeyCode::Char(code), KeyModifiers::CONTROL);
        assert_eq!(keys.press(&KeyEvent::from(KeyCode::Char('k')), false), Asked::Nothing);
        assert_eq!(keys.press(&control('c'), false), Asked::Stop);
        assert_eq!(keys.press(&KeyEvent::from(KeyCode::Char('k')), false), Asked::Nothing);
        assert_eq!(keys.press(&control('y'), false), Asked::Nothing);
        assert!(!keys.asks());
    }
}
