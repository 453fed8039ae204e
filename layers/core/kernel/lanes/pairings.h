/* What a leaf adds for a row of pattern a against all background rows, which are counted by pattern c.
 *
 * A row and a background row can reach a leaf of k conditions together where a | c has all bits. With the
 * u = k - |c| conditions U = ~c that need the row and the v = k - |a| conditions V = ~a that need the background
 *
 *      each of U gets  + (u-1)! v! / (u+v)!      each of V gets  - u! (v-1)! / (u+v)!      times the leaf's value,
 *
 * summed over the background in one of two ways, by which is cheaper:
 *
 *  pairs   a is compared with every different c.
 *  table   for all a at once. The sum is an integral over t of products over conditions, as in path_dependent.c,
 *          with the factor of condition i
 *
 *              c_i = 0   c_i = 1
 *      a_i = 0    0       1 - t          so G_t(a), the sum over c of their products, is the counts times this
 *      a_i = 1    t         1            matrix for one bit after the other: k 2^k steps instead of 4^k.
 *
 *          Leaving condition j out of it: where a_j = 0 only c_j = 1 is in G, and (a_j - c_j) / f_j = -1 / (1 - t);
 *          where a_j = 1 only c_j = 0 counts, and its share of G(a) is G(a) less what c_j = 1 adds, which is
 *          G(a - j) / (1 - t). With  absent = sum of w G / (1 - t)  and  present = sum of w G / t  over the points,
 *
 *              j of V gets - absent(a)       j met gets  present(a) - present(a - j) - absent(a - j),
 *
 *          and exactly 0 where no c that pairs with a lacks j: their number is counted along.
 *
 * Pairs of conditions (interactions.c) come the same way, with the factors of two conditions left out.
 *
 * The weights: see the numpy twin, interventional_trees.py. Both forms of counting are ours.
 */
#ifndef WHYBOX_PAIRINGS_H
#define WHYBOX_PAIRINGS_H

#include "../background.h"
#include "patterns.h"

/* A table: the sum over the points of w G / (t^for_row (1 - t)^for_background). */
typedef struct {
    int for_row, for_background;
} wb_powers;

#define WB_MOST_TABLES 6

typedef struct {
    const wb_leaves *leaves;
    const wb_background *background;
    int64_t n_asked;
    const wb_powers *powers;
    int n_tables;
    /* of the leaf at hand */
    int64_t k;
    uint64_t full, any_of; /* all bits; all bits of any background row */
    int is_table;
    wb_index met;                   /* different patterns c */
    double *worth;                  /* n_background: the weight of each different c */
    uint8_t *n_ones;                /* n_background */
    double *counts, *sums;          /* 2^k: the weight of every c, and G at a point */
    double *tables[WB_MOST_TABLES]; /* 2^k */
    uint32_t *n_pairs;              /* 2^k: how many different c pair with a */
    double *for_row, *for_background,
        *for_both;     /* (k + 1)^2, [v][u]: the weights of pairs, as the user sets them */
    int64_t weights_k; /* the k they are for */
    int16_t *marks;
    uint16_t *words;
    uint64_t *patterns;
} wb_pairing;

static inline int wb_open_pairing(wb_pairing *pairing, const wb_leaves *leaves,
                                  const wb_background *background, int64_t n_asked, const wb_powers *powers,
                                  int n_tables)
{
    const size_t n = (size_t)background->tiles.n_rows, room = (size_t)background->tiles.n_tiles * WB_TILE;
    const int64_t k = leaves->max_conditions;
    const size_t size = (size_t)1 << (k < WB_WORD_BITS ? k : WB_WORD_BITS),
                 n_weights = (size_t)(k + 1) * (size_t)(k + 1);
    *pairing = (wb_pairing){.leaves = leaves,
                            .background = background,
                            .n_asked = n_asked,
                            .powers = powers,
                            .n_tables = n_tables,
                            .weights_k = -1,
                            .worth = malloc(n * sizeof(double)),
                            .n_ones = malloc(n),
                            .counts = calloc(size, sizeof(double)),
                            .sums = malloc(size * sizeof(double)),
                            .n_pairs = malloc(size * sizeof(uint32_t)),
                            .for_row = malloc(n_weights * sizeof(double)),
                            .for_background = malloc(n_weights * sizeof(double)),
                            .for_both = malloc(n_weights * sizeof(double)),
                            .marks = malloc(WB_TILE * sizeof(int16_t)),
                            .words = malloc(room * sizeof(uint16_t)),
                            .patterns = malloc(n * sizeof(uint64_t))};
    int is_ready = wb_open_index(&pairing->met, (int64_t)n, k);
    for (int table = 0; table < n_tables; table++) {
        pairing->tables[table] = malloc(size * sizeof(double));
        is_ready = is_ready && pairing->tables[table];
    }
    return is_ready && pairing->worth && pairing->n_ones && pairing->counts && pairing->sums &&
           pairing->n_pairs && pairing->for_row && pairing->for_background && pairing->for_both &&
           pairing->marks && pairing->words && pairing->patterns;
}

static inline void wb_close_pairing(wb_pairing *pairing)
{
    void *const arrays[] = {pairing->worth,   pairing->n_ones,  pairing->counts,         pairing->sums,
                            pairing->n_pairs, pairing->for_row, pairing->for_background, pairing->for_both,
                            pairing->marks,   pairing->words,   pairing->patterns};
    wb_close_index(&pairing->met);
    for (int table = 0; table < pairing->n_tables; table++)
        free(pairing->tables[table]);
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
        free(arrays[i]);
}

/* Count the background's different patterns. */
static inline void wb_count_background(wb_pairing *pairing, const wb_leaf *leaf)
{
    const wb_tiles *tiles = &pairing->background->tiles;
    const double *weights = pairing->background->weights;
    const int is_narrow = leaf->k <= WB_WORD_BITS;
    wb_clear_index(&pairing->met, leaf->k);
    pairing->k = leaf->k;
    pairing->full = ((uint64_t)1 << leaf->k) - 1;
    pairing->any_of = 0;
    if (is_narrow)
        wb_read_words(tiles, pairing->leaves, pairing->leaves->conditions + leaf->first, leaf->k,
                      pairing->marks, pairing->words);
    else
        wb_read_patterns(tiles, pairing->leaves, leaf, pairing->marks, pairing->words, pairing->patterns);
    for (int64_t row = 0; row < tiles->n_rows; row++) {
        const uint64_t pattern = is_narrow ? pairing->words[row] : pairing->patterns[row];
        const int64_t n_before = pairing->met.n_keys, place = wb_place_of(&pairing->met, pattern);
        if (place == n_before) {
            pairing->worth[place] = 0.0;
            pairing->n_ones[place] = (uint8_t)__builtin_popcountll(pattern);
            pairing->any_of |= pattern;
        }
        pairing->worth[place] += weights[row];
    }
}

/* Multiply the counts by the matrix of one point, bit after bit; the three lowest in one go. */
static inline void wb_spread(const double *counts, int64_t k, double point, double *sums)
{
    const int64_t n_low = k < 3 ? k : 3, low = (int64_t)1 << n_low, size = (int64_t)1 << k;
    const double rest = 1.0 - point;
    double matrix[8][8]; /* [c][a] */
    for (int64_t c = 0; c < low; c++)
        for (int64_t a = 0; a < low; a++) {
            matrix[c][a] = 1.0;
            for (int64_t bit = 0; bit < n_low; bit++) {
                const int64_t in_c = c >> bit & 1, in_a = a >> bit & 1;
                matrix[c][a] *= in_a ? (in_c ? 1.0 : point) : (in_c ? rest : 0.0);
            }
        }
    for (int64_t high = 0; high < size; high += low) {
        double found[8] = {0};
        for (int64_t c = 0; c < low; c++)
            for (int64_t a = 0; a < 8; a++)
                found[a] += counts[high + c] * (a < low ? matrix[c][a] : 0.0);
        memcpy(sums + high, found, (size_t)low * sizeof *sums);
    }
    for (int64_t half = low; half < size; half *= 2)
        for (int64_t start = 0; start < size; start += 2 * half)
            for (int64_t at = start; at < start + half; at++) {
                const double without = sums[at], with = sums[at + half];
                sums[at] = rest * with;
                sums[at + half] = point * without + with;
            }
}

/* Count for all a the different c that have all of ~a. */
static inline void wb_count_pairs(const wb_index *met, int64_t k, uint32_t *n_pairs)
{
    const uint64_t size = (uint64_t)1 << k;
    memset(n_pairs, 0, size * sizeof *n_pairs);
    for (int64_t c = 0; c < met->n_keys; c++)
        n_pairs[~met->keys[c] & (size - 1)] = 1;
    for (uint64_t half = 1; half < size; half *= 2)
        for (uint64_t start = 0; start < size; start += 2 * half)
            for (uint64_t at = start; at < start + half; at++)
                n_pairs[at + half] += n_pairs[at];
}

static inline void wb_tabulate(wb_pairing *pairing)
{
    const int64_t k = pairing->k, size = (int64_t)1 << k, n_points = (k + 1) / 2;
    const double *points = pairing->leaves->points + pairing->leaves->rule_first[n_points];
    const double *weights = pairing->leaves->weights + pairing->leaves->rule_first[n_points];
    for (int64_t c = 0; c < pairing->met.n_keys; c++)
        pairing->counts[pairing->met.keys[c]] = pairing->worth[c];
    wb_count_pairs(&pairing->met, k, pairing->n_pairs);
    for (int table = 0; table < pairing->n_tables; table++)
        memset(pairing->tables[table], 0, (size_t)size * sizeof(double));
    for (int64_t p = 0; p < n_points; p++) {
        wb_spread(pairing->counts, k, points[p], pairing->sums);
        for (int table = 0; table < pairing->n_tables; table++) {
            double *sums = pairing->tables[table], factor = weights[p];
            for (int i = 0; i < pairing->powers[table].for_row; i++)
                factor /= points[p];
            for (int i = 0; i < pairing->powers[table].for_background; i++)
                factor /= 1.0 - points[p];
            for (int64_t a = 0; a < size; a++)
                sums[a] += factor * pairing->sums[a];
        }
    }
    for (int64_t c = 0; c < pairing->met.n_keys; c++)
        pairing->counts[pairing->met.keys[c]] = 0.0;
}

/* Whether a row of pattern a reaches the leaf together with any background row, as far as one look tells. */
static inline int wb_can_pair(const wb_pairing *pairing, uint64_t a)
{
    return (a | pairing->any_of) == pairing->full && (!pairing->is_table || pairing->n_pairs[a]);
}

/* Get ready for a leaf. The way depends on the leaf, the background and the whole question, not on the rows at hand. */
static inline void wb_pair_leaf(wb_pairing *pairing, const wb_leaf *leaf)
{
    const int64_t k = leaf->k;
    wb_count_background(pairing, leaf);
    pairing->is_table = 0;
    if (k <= WB_WORD_BITS) {
        /* Steps of 8 numbers against comparisons; rows are taken to have a few patterns more than the background. */
        const int64_t n_c = pairing->met.n_keys,
                      n_a = pairing->n_asked < 2 * n_c ? pairing->n_asked : 2 * n_c;
        const double table = (double)((int64_t)1 << k) * (double)((k + 1) / 2 * (k + 5)) / 8.0;
        pairing->is_table = table <= 2.0 * (double)n_a * (double)n_c + 64.0;
    }
    if (pairing->is_table)
        wb_tabulate(pairing);
}

#endif
