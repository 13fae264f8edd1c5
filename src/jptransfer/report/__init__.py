"""The evidence on paper: tables, figures and one self-contained HTML page."""
