/* Interventional Shapley interaction values: as interventional.c, for every pair of a leaf's conditions.
 *
 * Half the interaction index of a pair {i, j} stands on either side of the diagonal. With U and V of pairings.h,
 * a pair of a row's and a background row's patterns gives, times the leaf's value,
 *
 *      i, j of U    + (u-2)! v! / 2 (u+v-1)!        i of U, j of V    - (u-1)! (v-1)! / 2 (u+v-1)!
 *      i, j of V    + u! (v-2)! / 2 (u+v-1)!
 *
 * and the table, with G(a), s = 1 - t and the sums over points of w G / (t^x s^y) called T(x, y),
 *
 *      i, j failed          T(0,2)(a)
 *      i met, j failed    - T(1,1)(a) + T(1,2)(a - i)
 *      i, j met             T(2,0)(a) - T(2,1)(a - i) - T(2,1)(a - j) + T(2,2)(a - i - j)         half of each.
 *
 * The index: see the numpy twin, pair_tables.py.
 */
#include "../levels.h"
#include "pairings.h"

enum { NEITHER, ONE, ONE_WITHOUT, BOTH, BOTH_WITHOUT_ONE, BOTH_WITHOUT_TWO };
static const wb_powers POWERS[] = {[NEITHER] = {0, 2},          [ONE] = {1, 1},
                                   [ONE_WITHOUT] = {1, 2},      [BOTH] = {2, 0},
                                   [BOTH_WITHOUT_ONE] = {2, 1}, [BOTH_WITHOUT_TWO] = {2, 2}};

typedef struct {
    const wb_leaves *leaves;
    wb_pairing pairing;
    wb_tiles tiles;
    wb_index met;      /* different patterns of the rows */
    double *added;     /* n_rows x most pairs of conditions */
    uint8_t *is_added; /* n_rows */
    uint16_t *words;
    uint64_t *patterns;
    int64_t *places; /* pairs of conditions: the place of each one's players among the pairs asked for */
} wb_work;

static int open_work(wb_work *work, const wb_leaves *leaves, const wb_background *background, int64_t n_rows,
                     int64_t n_asked)
{
    const size_t n = (size_t)(n_rows + WB_TILE - 1) / WB_TILE * WB_TILE + WB_TILE,
                 k = (size_t)leaves->max_conditions;
    *work = (wb_work){.leaves = leaves,
                      .added = malloc(n * (k * k / 2 + 1) * sizeof(double)),
                      .is_added = malloc(n),
                      .words = malloc(n * sizeof(uint16_t)),
                      .patterns = malloc(n * sizeof(uint64_t)),
                      .places = malloc((k * k / 2 + 1) * sizeof(int64_t))};
    const int is_paired =
        wb_open_pairing(&work->pairing, leaves, background, n_asked, POWERS, WB_MOST_TABLES);
    const int is_tiled = wb_open_tiles(&work->tiles, leaves, n_rows);
    const int is_indexed = wb_open_index(&work->met, n_rows, leaves->max_conditions);
    return is_paired && is_tiled && is_indexed && work->added && work->is_added && work->words &&
           work->patterns && work->places;
}

static void close_work(wb_work *work)
{
    void *const arrays[] = {work->added, work->is_added, work->words, work->patterns, work->places};
    wb_close_pairing(&work->pairing);
    wb_close_tiles(&work->tiles);
    wb_close_index(&work->met);
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
        free(arrays[i]);
}

/* Half the weights of pairs for leaves of k conditions; for_both: one player of U and one of V. */
static void weigh_pairs(wb_pairing *pairing, int64_t k)
{
    double factorial[WB_PATTERN_BITS + 2] = {1.0};
    for (int64_t i = 1; i <= k + 1; i++)
        factorial[i] = (double)i * factorial[i - 1];
    for (int64_t v = 0; v <= k; v++)
        for (int64_t u = 0; u + v <= k; u++) {
            const int64_t at = v * (k + 1) + u;
            const double orders = u + v >= 2 ? 2.0 * factorial[u + v - 1] : 1.0;
            pairing->for_row[at] = u >= 2 ? factorial[u - 2] * factorial[v] / orders : 0.0;
            pairing->for_background[at] = v >= 2 ? factorial[u] * factorial[v - 2] / orders : 0.0;
            pairing->for_both[at] = u && v ? -factorial[u - 1] * factorial[v - 1] / orders : 0.0;
        }
    pairing->weights_k = k;
}

/* The entry of conditions i < j among the pairs of k. */
static inline int64_t pair_at(int64_t k, int64_t i, int64_t j) { return i * (2 * k - i - 1) / 2 + j - i - 1; }

static double read_pair(const wb_pairing *pairing, uint64_t a, int64_t i, int64_t j)
{
    const uint64_t bit_i = (uint64_t)1 << i, bit_j = (uint64_t)1 << j;
    double *const *tables = pairing->tables;
    const uint32_t *n_pairs = pairing->n_pairs;
    if (!(a & bit_i) && !(a & bit_j))
        return 0.5 * tables[NEITHER][a];
    if ((a & bit_i) && (a & bit_j)) {
        const uint64_t no_i = a & ~bit_i, no_j = a & ~bit_j, none = no_i & no_j;
        if (n_pairs[a] + n_pairs[none] == n_pairs[no_i] + n_pairs[no_j])
            return 0.0; /* no background pattern lacks both */
        return 0.5 * ((tables[BOTH][a] - tables[BOTH_WITHOUT_ONE][no_i]) -
                      (tables[BOTH_WITHOUT_ONE][no_j] - tables[BOTH_WITHOUT_TWO][none]));
    }
    const uint64_t without = a & ~(a & (bit_i | bit_j));
    return n_pairs[a] == n_pairs[without] ? 0.0 : -0.5 * (tables[ONE][a] - tables[ONE_WITHOUT][without]);
}

static int compare_pairs(const wb_pairing *pairing, uint64_t a, double *added)
{
    const int64_t k = pairing->k, v = k - __builtin_popcountll(a);
    const uint64_t absent = pairing->full & ~a;
    double of_background = 0.0;
    int has_met = 0;
    memset(added, 0, (size_t)(k * (k - 1) / 2) * sizeof *added);
    for (int64_t c = 0; c < pairing->met.n_keys; c++) {
        const uint64_t pattern = pairing->met.keys[c];
        if ((a | pattern) != pairing->full)
            continue;
        const int64_t at = v * (k + 1) + k - pairing->n_ones[c];
        const double worth = pairing->worth[c], of_row = worth * pairing->for_row[at],
                     of_both = worth * pairing->for_both[at];
        of_background += worth * pairing->for_background[at];
        has_met = 1;
        for (uint64_t rest = pairing->full & ~pattern; rest; rest &= rest - 1) {
            const int64_t i = __builtin_ctzll(rest);
            for (uint64_t others = rest & (rest - 1); others; others &= others - 1)
                added[pair_at(k, i, __builtin_ctzll(others))] += of_row;
            for (uint64_t others = absent; others; others &= others - 1) {
                const int64_t j = __builtin_ctzll(others);
                added[i < j ? pair_at(k, i, j) : pair_at(k, j, i)] += of_both;
            }
        }
    }
    for (uint64_t rest = absent; rest; rest &= rest - 1)
        for (uint64_t others = rest & (rest - 1); others; others &= others - 1)
            added[pair_at(k, __builtin_ctzll(rest), __builtin_ctzll(others))] = of_background;
    return has_met;
}

/* What each pair of conditions adds for a row of pattern a; returns 0 where all are 0. */
static int pair_row(const wb_pairing *pairing, uint64_t a, double *added)
{
    const int64_t k = pairing->k;
    if (!wb_can_pair(pairing, a))
        return 0;
    if (!pairing->is_table)
        return compare_pairs(pairing, a, added);
    for (int64_t i = 0; i < k; i++)
        for (int64_t j = i + 1; j < k; j++)
            *added++ = read_pair(pairing, a, i, j);
    return 1;
}

/* The place of two players among increasing pairs, -1 where they are not asked for. */
static int64_t find_players(const int64_t *pairs, int64_t n_pairs, int64_t first, int64_t second)
{
    int64_t low = 0, high = n_pairs;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2, *pair = pairs + 2 * middle;
        if (pair[0] < first || (pair[0] == first && pair[1] < second))
            low = middle + 1;
        else
            high = middle;
    }
    return low < n_pairs && pairs[2 * low] == first && pairs[2 * low + 1] == second ? low : -1;
}

static void add_leaf(wb_work *work, const wb_leaf *leaf, const int64_t *pairs, int64_t n_pairs,
                     double *values)
{
    const wb_leaves *leaves = work->leaves;
    const wb_condition *conditions = leaves->conditions + leaf->first;
    const double *of_leaf = leaves->values + leaf->values;
    const int64_t k = leaf->k, n_entries = k * (k - 1) / 2, n_rows = work->tiles.n_rows,
                  n_margins = leaves->n_margins;
    const int is_narrow = k <= WB_WORD_BITS;
    for (int64_t i = 0; i < k; i++)
        for (int64_t j = i + 1; j < k; j++)
            work->places[pair_at(k, i, j)] =
                find_players(pairs, n_pairs, conditions[i].player, conditions[j].player);
    wb_pair_leaf(&work->pairing, leaf);
    if (!work->pairing.is_table && work->pairing.weights_k != k)
        weigh_pairs(&work->pairing, k);
    wb_clear_index(&work->met, k);
    if (is_narrow)
        wb_read_words(&work->tiles, leaves, conditions, k, work->pairing.marks, work->words);
    else
        wb_read_patterns(&work->tiles, leaves, leaf, work->pairing.marks, work->words, work->patterns);
    for (int64_t row = 0; row < n_rows; row++) {
        const uint64_t pattern = is_narrow ? work->words[row] : work->patterns[row];
        const int64_t n_before = work->met.n_keys, place = wb_place_of(&work->met, pattern);
        double *added = work->added + place * n_entries;
        if (place == n_before)
            work->is_added[place] = (uint8_t)pair_row(&work->pairing, pattern, added);
        for (int64_t entry = 0; work->is_added[place] && entry < n_entries; entry++)
            for (int64_t margin = 0; work->places[entry] >= 0 && margin < n_margins; margin++)
                values[(work->places[entry] * n_rows + row) * n_margins + margin] +=
                    added[entry] * of_leaf[margin];
    }
}

int32_t WB_AT(wb_interactions)(const wb_leaves *leaves, const wb_background *background, const int64_t *pairs,
                               int64_t n_pairs, const double *rows, int64_t n_rows, int64_t n_asked,
                               double *values)
{
    if (n_rows < 0 || n_rows > INT32_MAX || n_pairs < 0 || leaves->max_conditions > WB_PATTERN_BITS)
        return WB_BAD_COUNT;
    if (background->tiles.n_columns != leaves->n_columns)
        return WB_BAD_COLUMN;
    wb_work work;
    const int32_t status = open_work(&work, leaves, background, n_rows, n_asked) ? WB_OK : WB_NO_MEMORY;
    if (status == WB_OK) {
        memset(values, 0, (size_t)(n_pairs * n_rows * leaves->n_margins) * sizeof *values);
        wb_read_tiles(&work.tiles, leaves, rows, n_rows);
        for (int64_t leaf = 0; leaf < leaves->n_leaves; leaf++)
            if (leaves->leaves[leaf].k >= 2)
                add_leaf(&work, leaves->leaves + leaf, pairs, n_pairs, values);
    }
    close_work(&work);
    return status;
}
