"""CSV and TSV: lines to records, records to cells, cells to rows."""
