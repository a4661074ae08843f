//! Plain text tables: columns as wide as their content, numbers to the right.

use std::fmt;

/// A table with a header line, a rule and rows.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    header: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these column titles.
    pub(crate) fn new(header: &[&'static str]) -> Self {
        Self {
            header: header.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Appends a row; it has as many cells as there are columns.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        assert_eq!(cells.len(), self.header.len(), "a row has one cell for each column");
        self.rows.push(cells);
    }

    fn widths(&self) -> Vec<usize> {
        (0..self.header.len())
            .map(|column| {
                let cells = self.rows.iter().map(|row| row[column].chars().count());
                cells.chain([self.header[column].chars().count()]).max().unwrap_or(0)
            })
            .collect()
    }
}

/// A number, perhaps with a unit of one letter behind it, stands to the right.
fn is_numeric(cell: &str) -> bool {
    let (number, unit) = cell.split_once(' ').unwrap_or((cell, ""));
    let in_numbers = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | '+' | 'e');
    number.starts_with(|c: char| c.is_ascii_digit() || c == '-') && number.chars().all(in_numbers) && unit.len() <= 1
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        let to_the_right: Vec<bool> = (0..widths.len())
            .map(|column| !self.rows.is_empty() && self.rows.iter().all(|row| is_numeric(&row[column])))
            .collect();
        let mut line = |cells: &mut dyn Iterator<Item = &str>| {
            let padded: Vec<String> = cells
                .zip(&widths)
                .zip(&to_the_right)
                .map(|((cell, &width), &right)| {
                    if right {
                        format!("{cell:>width$}")
                    } else {
                        format!("{cell:<width$}")
                    }
                })
                .collect();
            writeln!(f, "{}", padded.join("  ").trim_end())
        };
        line(&mut self.header.iter().copied())?;
        let rules: Vec<String> = widths.iter().map(|&width| "-".repeat(width)).collect();
        line(&mut rules.iter().map(String::as_str))?;
        self.rows
            .iter()
            .try_for_each(|row| line(&mut row.iter().map(String::as_str)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_to_the_right_and_words_to_the_left() {
        let mut table = Table::new(&["pod", "entities"]);
        table.row(vec!["1 pod".into(), "1,000".into()]);
        table.row(vec!["11 pods".into(), "-7.5 s".into()]);
        assert_eq!(
            table.to_string(),
            "pod      entities\n-------  --------\n1 pod       1,000\n11 pods    -7.5 s\n"
        );
    }

    #[test]
    fn a_table_without_rows_is_its_header() {
        assert_eq!(Table::new(&["id", "name"]).to_string(), "id  name\n--  ----\n");
    }
}
