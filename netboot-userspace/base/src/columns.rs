//! Tables as commands print them: cells in columns.

/// The heads and the rows, in columns as wide as their widest cell.
#[must_use]
pub fn table<const N: usize>(heads: [&str; N], rows: &[[String; N]]) -> String {
    lines(heads, rows, |_| false)
}

/// The same, where columns of numbers alone are flush right.
#[must_use]
pub fn table_of_numbers<const N: usize>(heads: [&str; N], rows: &[[String; N]]) -> String {
    let is_number = |cell: &String| cell.bytes().all(|byte| byte.is_ascii_digit());
    lines(heads, rows, |column| rows.iter().filter_map(|row| row.get(column)).all(is_number))
}

fn lines<const N: usize>(
    heads: [&str; N],
    rows: &[[String; N]],
    is_right: impl Fn(usize) -> bool,
) -> String {
    let heads = heads.map(str::to_owned);
    let all = || std::iter::once(&heads).chain(rows);
    let columns: [(usize, bool); N] = std::array::from_fn(|column| {
        let cells = all().filter_map(|row| row.get(column));
        (cells.map(|cell| cell.chars().count()).max().unwrap_or(0), is_right(column))
    });
    let mut text = String::new();
    for row in all() {
        let cells = row.iter().zip(columns).map(|(cell, (width, is_right))| match is_right {
            true => format!("{cell:>width$}"),
            false => format!("{cell:<width$}"),
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[[&str; 3]]) -> Vec<[String; 3]> {
        rows.iter().map(|row| row.map(str::to_owned)).collect()
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let heads = ["NAME", "COUNT", "NOTE"];
        let two = rows(&[["grün", "7", ""], ["a long one", "1234567", "x"]]);
        let left = "NAME        COUNT    NOTE\ngrün        7\na long one  1234567  x\n";
        assert_eq!(table(heads, &two), left);
        let right = "NAME          COUNT  NOTE\ngrün              7\na long one  1234567  x\n";
        assert_eq!(table_of_numbers(heads, &two), right);
        assert_eq!(table(heads, &[]), "NAME  COUNT  NOTE\n");
    }
}
