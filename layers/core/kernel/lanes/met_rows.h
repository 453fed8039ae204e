/* Met rows: which of 16 rows meet each condition of each leaf, as bits and as bytes (255 where it is met). */
#ifndef WHYBOX_MET_ROWS_H
#define WHYBOX_MET_ROWS_H

#include "missed.h"
#include "rows.h"

typedef struct {
    uint32_t all;     /* a bit for each row that there is */
    int64_t *first;   /* (leaves), into the three below */
    int32_t *players; /* (conditions) */
    uint32_t *masks;  /* (conditions) */
    wb_bytes *bytes;  /* (conditions) */
    uint32_t *cells;  /* (columns, WB_READ) */
} wb_met;

/* Give back with wb_forget_met, also where there was no room. */
static inline int wb_make_met(const wb_played *leaves, wb_met *met)
{
    met->first = malloc(((size_t)leaves->n_leaves + 1) * sizeof *met->first);
    met->players = malloc(((size_t)leaves->traced->n_conditions + 1) * sizeof *met->players);
    met->masks = malloc(((size_t)leaves->traced->n_conditions + 1) * sizeof *met->masks);
    met->bytes = aligned_alloc(64, ((size_t)leaves->traced->n_conditions + 4) / 4 * 4 * sizeof *met->bytes);
    met->cells = calloc((size_t)leaves->traced->n_columns + 1, WB_READ * sizeof *met->cells);
    return met->first && met->players && met->masks && met->bytes && met->cells;
}

static inline void wb_forget_met(wb_met *met)
{
    free(met->first);
    free(met->players);
    free(met->masks);
    free(met->bytes);
    free(met->cells);
}

/* Read up to 16 rows of a table of own columns. */
static inline void wb_read_met(const wb_played *leaves, const double *table, const int64_t *rows, int64_t n,
                               wb_met *met)
{
    wb_bytes fails;
    int64_t n_masks = 0;
    met->all = ((uint32_t)1 << n) - 1;
    wb_cut_rows(leaves, table, rows, n, met->cells);
    for (int64_t number = 0; number < leaves->n_leaves; number++) {
        const wb_played_leaf *leaf = leaves->leaves + number;
        met->first[number] = n_masks;
        for (int32_t at = 0; at < leaf->n_conditions; at++, n_masks++) {
            wb_fail(leaves->traced, leaf->conditions + at, met->cells, WB_ROWS, (uint8_t *)&fails);
            met->players[n_masks] = leaf->conditions[at].player;
            met->masks[n_masks] = wb_gather_bits(~fails) & met->all;
            met->bytes[n_masks] = fails - wb_every_byte(1);
        }
    }
}

#endif
