/** How the test shelf divides the terminal. No I/O. */

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

export interface Layout {
  /** List and detail side by side; otherwise one of them has the screen. */
  readonly wide: boolean;
  /** Title, and the test URL where there is room. */
  readonly headRows: number;
  /** Headings over the list's columns: 0 or 1. */
  readonly headingRows: number;
  /** Captures that the list shows. */
  readonly listRows: number;
  readonly listColumns: number;
  /** Summary and tabs over the detail. */
  readonly detailHeadRows: number;
  readonly detailRows: number;
  readonly detailColumns: number;
  /** A line of its own for notices and the filter; without it they stand in place of the keys. */
  readonly messageRows: number;
}

const WIDE_COLUMNS = 120;
const TALL_ROWS = 14;
/** Between list and detail. */
export const DIVIDER = " │ ";

export function layOutShelf({ columns, rows }: Size): Layout {
  const wide = columns >= WIDE_COLUMNS;
  const tall = rows >= TALL_ROWS;
  const headRows = tall ? 2 : 1;
  const messageRows = tall ? 1 : 0;
  const headingRows = tall ? 1 : 0;
  const detailHeadRows = tall ? 3 : 1;
  const body = Math.max(1, rows - headRows - messageRows - 1);
  const listColumns = wide ? Math.max(66, Math.floor(columns * 0.42)) : columns;
  return {
    wide,
    headRows,
    headingRows,
    listRows: Math.max(1, body - headingRows),
    listColumns,
    detailHeadRows,
    detailRows: Math.max(1, body - detailHeadRows),
    detailColumns: wide ? columns - listColumns - DIVIDER.length : columns,
    messageRows,
  };
}

/** Where a dialog lies: in place of list and detail, in a frame where there is room for one. */
export interface Box {
  readonly framed: boolean;
  /** With the frame. */
  readonly columns: number;
  readonly rows: number;
  /** For its lines. */
  readonly innerColumns: number;
  readonly innerRows: number;
}

const MAX_BOX_COLUMNS = 100;

export function layOutBox(size: Size): Box {
  const { headRows, messageRows } = layOutShelf(size);
  const rows = Math.max(1, size.rows - headRows - messageRows - 1);
  const columns = Math.min(size.columns, MAX_BOX_COLUMNS);
  const framed = rows >= 5 && columns >= 20;
  return {
    framed,
    columns,
    rows,
    innerColumns: framed ? columns - 4 : columns,
    innerRows: framed ? rows - 2 : rows,
  };
}
