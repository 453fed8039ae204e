/* Tiles: blocks of rows, column by column, as cells; and which of them fail a condition.
 *
 *      tile 0                       tile 1
 *      column 0: 256 cells          column 0: 256 cells ..        uint16, or uint32 where a column has more cuts
 *      column 1: 256 cells          ..                            rows that are not there repeat the last one
 */
#ifndef WHYBOX_TILES_H
#define WHYBOX_TILES_H

#include "../columns.h"

#include <stdlib.h>
#include <string.h>

/* Rows in a tile: cells and sums of a tile stay in the second cache, and preparing a leaf pays. */
#define WB_TILE 256

typedef struct {
    int64_t n_rows, n_columns, n_tiles; /* n_tiles: room */
    uint16_t *cells;                    /* n_tiles x n_columns x WB_TILE, or NULL */
    uint32_t *wide_cells;
    uint8_t *has_missing; /* n_tiles x n_columns */
} wb_tiles;

static inline int wb_open_tiles(wb_tiles *tiles, const wb_leaves *leaves, int64_t n_rows)
{
    const int64_t n_tiles = (n_rows + WB_TILE - 1) / WB_TILE;
    const size_t n_columns = (size_t)n_tiles * (size_t)leaves->n_columns, n_cells = n_columns * WB_TILE + 1;
    *tiles = (wb_tiles){.n_columns = leaves->n_columns, .n_tiles = n_tiles};
    tiles->has_missing = malloc(n_columns + 1);
    if (leaves->max_cuts > UINT16_MAX - 3)
        tiles->wide_cells = malloc(n_cells * sizeof *tiles->wide_cells);
    else
        tiles->cells = malloc(n_cells * sizeof *tiles->cells);
    return tiles->has_missing && (tiles->cells || tiles->wide_cells);
}

static inline void wb_close_tiles(wb_tiles *tiles)
{
    free(tiles->cells);
    free(tiles->wide_cells);
    free(tiles->has_missing);
}

/* How many of n increasing cuts are below each of 8 values; eight at a time hide each other's waiting. */
static inline void wb_find_cells(const double *cuts, int64_t n, const double *values, uint32_t *found)
{
    uint32_t first[8] = {0};
    while (n > 1) {
        const uint32_t half = (uint32_t)(n / 2);
        for (int i = 0; i < 8; i++)
            first[i] += cuts[first[i] + half - 1] < values[i] ? half : 0;
        n -= half;
    }
    for (int i = 0; i < 8; i++)
        found[i] = first[i] + (n == 1 && cuts[first[i]] < values[i]);
}

/* Read one column of one tile, n_rows of it from `rows` on. */
static inline void wb_read_column(wb_tiles *tiles, const wb_leaves *leaves, int64_t tile, int64_t column,
                                  const double *rows, int64_t n_rows)
{
    const int64_t member_first = leaves->member_first[column], cut_first = leaves->cut_first[column];
    const wb_reading reading = {leaves->rules[column], leaves->members + member_first,
                                leaves->member_first[column + 1] - member_first};
    const double *cuts = leaves->cuts + cut_first;
    const int64_t n_cuts = leaves->cut_first[column + 1] - cut_first,
                  place = tile * tiles->n_columns + column;
    uint8_t has_missing = 0;
    for (int64_t start = 0; start < n_rows; start += 8) {
        double values[8];
        uint32_t found[8];
        for (int64_t i = 0; i < 8; i++) {
            const int64_t row = start + i < n_rows ? start + i : n_rows - 1;
            values[i] = wb_prepare(&reading, rows[row * leaves->n_sources + leaves->source[column]]);
        }
        wb_find_cells(cuts, n_cuts, values, found);
        for (int64_t i = 0; i < 8; i++) {
            const int is_missing = values[i] != values[i];
            has_missing |= (uint8_t)is_missing;
            if (tiles->cells)
                tiles->cells[place * WB_TILE + start + i] = is_missing ? WB_MISSING : (uint16_t)found[i];
            else
                tiles->wide_cells[place * WB_TILE + start + i] = is_missing ? WB_MISSING_WIDE : found[i];
        }
    }
    tiles->has_missing[place] = has_missing;
}

/* Read rows (n_rows x n_sources), no more than there is room for. */
static inline void wb_read_tiles(wb_tiles *tiles, const wb_leaves *leaves, const double *rows, int64_t n_rows)
{
    tiles->n_rows = n_rows;
    for (int64_t tile = 0; tile * WB_TILE < n_rows; tile++) {
        const int64_t start = tile * WB_TILE, some = n_rows - start < WB_TILE ? n_rows - start : WB_TILE;
        for (int64_t column = 0; column < tiles->n_columns; column++)
            wb_read_column(tiles, leaves, tile, column, rows + start * leaves->n_sources, some);
    }
}

/* Mark with -1 the rows of a tile that fail a test, and keep the others' marks. n_rows: a multiple of 8. */
static inline void wb_fail_test(const wb_tiles *tiles, int64_t tile, const wb_test *test, int64_t n_rows,
                                int16_t *failed)
{
    const int64_t place = tile * tiles->n_columns + test->column;
    const int keeps_missing = test->missing && tiles->has_missing[place];
    if (tiles->cells) {
        const uint16_t *cells = tiles->cells + place * WB_TILE;
        const uint16_t start = (uint16_t)test->start, span = (uint16_t)test->span;
        if (keeps_missing)
            for (int64_t row = 0; row < n_rows; row++)
                failed[row] |= -(int16_t)((uint16_t)(cells[row] - start) > span && cells[row] != WB_MISSING);
        else
            for (int64_t row = 0; row < n_rows; row++)
                failed[row] |= -(int16_t)((uint16_t)(cells[row] - start) > span);
        return;
    }
    const uint32_t *cells = tiles->wide_cells + place * WB_TILE;
    for (int64_t row = 0; row < n_rows; row++)
        failed[row] |= -(int16_t)(cells[row] - test->start > test->span &&
                                  !(keeps_missing && cells[row] == WB_MISSING_WIDE));
}

/* Mark with -1 the rows that fail a condition, with 0 those that meet it. */
static inline void wb_fail_condition(const wb_tiles *tiles, int64_t tile, const wb_leaves *leaves,
                                     const wb_condition *condition, int64_t n_rows, int16_t *failed)
{
    memset(failed, 0, (size_t)n_rows * sizeof *failed);
    for (int32_t test = 0; test < condition->n_tests; test++)
        wb_fail_test(tiles, tile, leaves->tests + condition->first + test, n_rows, failed);
}

/* Turn sums round, from (n_margins, n_players, rows with `stride` between sums) to (n_rows, n_players, n_margins). */
static inline void wb_turn_round(const double *sums, const wb_leaves *leaves, int64_t stride, int64_t n_rows,
                                 double *values)
{
    for (int64_t row = 0; row < n_rows; row++)
        for (int64_t player = 0; player < leaves->n_players; player++)
            for (int64_t margin = 0; margin < leaves->n_margins; margin++)
                *values++ = sums[(margin * leaves->n_players + player) * stride + row];
}

#endif
