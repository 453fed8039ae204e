/* Linked walks: the margins of 16 rows at a time along permutations and back, through the link, less a control with
 * known shares.
 *
 * The rows of a group share background row and permutations, so a leaf's conditions are joined by all of them in the
 * same order; a row stays with the leaf as long as it meets what has joined, and the background row the rest:
 *
 *      conditions by rank     3      8      20         rows that met all so far      1011   1001   0001
 *      background row misses  x      -      x          the leaf                      off    off    on in the last row
 *
 * It comes on where the last condition joins that the background row misses, and goes off in the rows that fail one
 * that joins later. What is added at each rank is summed up along the walk; back it is the same from the other end.
 */
#include "exponentials.h"
#include "missed.h"
#include "rows.h"
#include "walk_levels.h"

enum { WAYS = 4, MOST_SORTED = 64 }; /* two permutations, there and back */

/* Working arrays of one call. */
typedef struct {
    wb_missed background;   /* of what is visited */
    int64_t *first_mask;    /* (leaves + 1), into masks */
    uint32_t *masks;        /* rows of the present 16 that meet each condition */
    uint32_t *cells;        /* (columns, WB_READ) */
    int32_t *ranks;         /* (2 orders, players) */
    double *changes;        /* (ways, margins, players, 16) */
    double *gains;          /* (outputs, players, 16), of the rows for the control */
    double *totals;         /* (players + 1, 16), T along a way */
    double *answers;        /* (ways, outputs, players + 1, 16) */
    double *pairs;          /* (2, players, outputs, 16) */
    double *sums;           /* (WB_SUMS, players, outputs, 16) */
} scratch;

static int make_room(scratch *room, const wb_linked_game *game, const wb_played *leaves)
{
    const size_t p = (size_t)game->n_players, o = (size_t)game->n_outputs, m = (size_t)leaves->n_margins;
    const size_t row = WB_ROWS * sizeof(double), n_conditions = (size_t)leaves->traced->n_conditions + 1;
    room->first_mask = malloc(((size_t)leaves->n_leaves + 1) * sizeof *room->first_mask);
    room->masks = malloc(n_conditions * sizeof *room->masks);
    room->cells = calloc((size_t)leaves->traced->n_columns + 1, WB_READ * sizeof *room->cells);
    room->ranks = malloc(2 * p * sizeof *room->ranks);
    room->changes = malloc(WAYS * m * p * row);
    room->gains = malloc(o * p * row);
    room->totals = malloc((p + 1) * row);
    room->answers = malloc(WAYS * (p + 1) * o * row);
    room->pairs = malloc(2 * p * o * row);
    room->sums = malloc(WB_SUMS * p * o * row);
    return room->first_mask && room->masks && room->cells && room->ranks && room->changes && room->gains &&
           room->totals && room->answers && room->pairs && room->sums;
}

static void give_room_back(scratch *room)
{
    void *const all[] = {room->first_mask, room->masks,   room->cells,   room->ranks, room->changes,
                         room->gains,      room->totals, room->answers, room->pairs, room->sums};
    for (size_t at = 0; at < sizeof all / sizeof all[0]; at++)
        free(all[at]);
    wb_forget_missed(&room->background);
}

/* Read up to 16 rows: which of them meet each condition of each leaf. */
static void read_masks(scratch *room, const wb_linked_game *game, const wb_played *leaves, const int64_t *rows, int64_t n)
{
    uint8_t fails[WB_READ];
    int64_t n_masks = 0;
    wb_cut_rows(leaves, game->rows, rows, n, room->cells);
    for (int64_t number = 0; number < leaves->n_leaves; number++) {
        const wb_played_leaf *leaf = leaves->leaves + number;
        room->first_mask[number] = n_masks;
        for (int32_t at = 0; at < leaf->n_conditions; at++, n_masks++) {
            wb_fail(leaves->traced, leaf->conditions + at, room->cells, fails);
            room->masks[n_masks] = 0;
            for (int row = 0; row < WB_ROWS; row++)
                room->masks[n_masks] |= (uint32_t)(row < n && !fails[row]) << row;
        }
    }
}

static void read_gains(scratch *room, const wb_linked_game *game, const int64_t *rows, int64_t n)
{
    for (int64_t row = 0; row < WB_ROWS; row++) {
        const double *own = game->row_gains + rows[row < n ? row : n - 1] * game->n_outputs * game->n_players;
        for (int64_t at = 0; at < game->n_outputs * game->n_players; at++)
            room->gains[at * WB_ROWS + row] = own[at];
    }
}

/* A condition of a leaf on its way into an order: its rank, and which condition it is. */
#define KEY(rank, bit) ((int32_t)(rank) * MOST_SORTED + (bit))

/* Follow a leaf along one walk, k conditions with keys in the order in which they join. A rank changes the sum where
 * nothing that joins later has to come on: by the leaf's value in the rows that meet all so far where its condition
 * was missed, else by minus that value in those that fail it first. */
static inline void follow_leaf(double *changes, const uint32_t *masks, const int32_t *keys, int64_t k, int64_t step,
                               uint64_t missed, uint32_t all, double value, int64_t first)
{
    uint32_t met = all;
    for (int64_t at = 0; at < k; at++, keys += step) {
        const int32_t bit = *keys % MOST_SORTED, is_missed = (int32_t)(missed >> bit & 1);
        const int64_t rank = first + step * (*keys / MOST_SORTED);
        missed &= ~((uint64_t)1 << bit);
        const uint32_t changed = met & (masks[bit] ^ (uint32_t)(is_missed - 1)) & (missed ? 0u : ~0u);
        met &= masks[bit];
        wb_add_rows(changes + rank * WB_ROWS, changed, is_missed ? value : -value);
    }
}

static inline void sort_keys(int32_t *keys, int64_t k)
{
    for (int64_t at = 1; at < k; at++)
        for (int64_t place = at; place > 0 && keys[place - 1] > keys[place]; place--) {
            const int32_t key = keys[place];
            keys[place] = keys[place - 1];
            keys[place - 1] = key;
        }
}

/* The two of them in order, without a branch. */
static inline void order_keys(int32_t *low, int32_t *high)
{
    const int32_t smaller = *low < *high ? *low : *high, larger = *low < *high ? *high : *low;
    *low = smaller;
    *high = larger;
}

/* Add what a leaf of k conditions changes along all ways, for one margin. */
static inline void add_leaf(scratch *room, const wb_linked_game *game, const wb_played_leaf *leaf, const uint32_t *masks,
                            uint64_t missed, uint32_t all, int n_ways, int64_t n_margins, int64_t margin, int64_t k)
{
    int32_t keys[MOST_SORTED];
    const int64_t p = game->n_players, stride = n_margins * p * WB_ROWS;
    double *changes = room->changes + margin * p * WB_ROWS;
    for (int way = 0; way < n_ways; way += 2, changes += 2 * stride) {
        for (int64_t bit = 0; bit < k; bit++)
            keys[bit] = KEY(room->ranks[way / 2 * p + leaf->conditions[bit].player], (int32_t)bit);
        if (k == 2 || k == 3)
            order_keys(keys, keys + 1);
        if (k == 3) {
            order_keys(keys + 1, keys + 2);
            order_keys(keys, keys + 1);
        }
        if (k > 3)
            sort_keys(keys, k);
        follow_leaf(changes, masks, keys, k, 1, missed, all, leaf->values[margin], 0);
        follow_leaf(changes + stride, masks, keys + k - 1, k, -1, missed, all, leaf->values[margin], p - 1);
    }
}

/* The same with few conditions unrolled: leaves stand in the order of their numbers of conditions. */
static void add_margin(scratch *room, const wb_linked_game *game, const wb_played_leaf *leaf, const uint32_t *masks,
                       uint64_t missed, uint32_t all, int n_ways, int64_t n_margins, int64_t margin)
{
    switch (leaf->n_conditions) {
    case 1:
        add_leaf(room, game, leaf, masks, missed, all, n_ways, n_margins, margin, 1);
        break;
    case 2:
        add_leaf(room, game, leaf, masks, missed, all, n_ways, n_margins, margin, 2);
        break;
    case 3:
        add_leaf(room, game, leaf, masks, missed, all, n_ways, n_margins, margin, 3);
        break;
    default:
        add_leaf(room, game, leaf, masks, missed, all, n_ways, n_margins, margin, leaf->n_conditions);
    }
}

static void add_leaves(scratch *room, const wb_linked_game *game, const wb_played *leaves, int64_t visit, uint32_t all,
                       int n_ways)
{
    memset(room->changes, 0, (size_t)(WAYS * leaves->n_margins * game->n_players) * WB_ROWS * sizeof *room->changes);
    for (int64_t number = 0; number < leaves->n_leaves; number++) {
        const wb_played_leaf *leaf = leaves->leaves + number;
        const uint32_t *masks = room->masks + room->first_mask[number];
        const uint64_t missed = wb_missed_of(&room->background, leaf, visit, number);
        uint32_t met = all, meet_all = all;
        for (int32_t bit = 0; bit < leaf->n_conditions; bit++) {
            met &= masks[bit] | (uint32_t)((missed >> bit & 1) - 1);
            meet_all &= masks[bit];
        }
        if (!met || (!missed && meet_all == all)) /* never on, or always */
            continue;
        if (leaf->margin >= 0)
            add_margin(room, game, leaf, masks, missed, all, n_ways, leaves->n_margins, leaf->margin);
        for (int64_t margin = 0; leaf->margin < 0 && margin < leaves->n_margins; margin++)
            if (leaf->values[margin] != 0.0)
                add_margin(room, game, leaf, masks, missed, all, n_ways, leaves->n_margins, margin);
    }
}

/* margins (margins, n) ─▶ answers (outputs, n), in place */
static void link_sums(const wb_linked_game *game, double *restrict sums, int64_t n_margins, int64_t n)
{
    if (game->link != WB_SOFTMAX) {
        for (int64_t at = 0; at < n_margins * n; at++)
            sums[at] = game->link == WB_LOGISTIC ? 1.0 / (1.0 + wb_exp(-sums[at])) : wb_exp(sums[at]);
        return;
    }
    for (int64_t at = 0; at < n; at++) {
        double most = sums[at], total = 0.0;
        for (int64_t margin = 1; margin < n_margins; margin++)
            most = sums[margin * n + at] > most ? sums[margin * n + at] : most;
        for (int64_t margin = 0; margin < n_margins; margin++) {
            sums[margin * n + at] = wb_exp(sums[margin * n + at] - most);
            total += sums[margin * n + at];
        }
        for (int64_t margin = 0; margin < n_margins; margin++)
            sums[margin * n + at] /= total;
    }
}

static inline double control_of(const double *c, double t)
{
    return c[0] + t * (c[1] + t * (c[2] + t * (c[3] + t * (c[4] + t * c[5]))));
}

/* Sum the changes up along one way, and write the answers on it, the control taken off. */
static void answer_way(scratch *room, const wb_linked_game *game, int64_t n_margins, int64_t background, int way,
                       const int64_t *order)
{
    const int64_t p = game->n_players, o = game->n_outputs, size = (p + 1) * WB_ROWS;
    const double *changes = room->changes + way * n_margins * p * WB_ROWS;
    double *answers = room->answers + way * o * size;
    for (int64_t margin = 0; margin < n_margins; margin++) {
        double *sums = answers + margin * size;
        for (int row = 0; row < WB_ROWS; row++)
            sums[row] = game->background_margins[background * n_margins + margin];
        for (int64_t at = 0; at < p * WB_ROWS; at++)
            sums[at + WB_ROWS] = sums[at] + changes[margin * p * WB_ROWS + at];
    }
    link_sums(game, answers, n_margins, size);
    for (int64_t output = 0; output < o; output++) {
        const double *own = room->gains + output * p * WB_ROWS, *control = game->control + output * WB_CONTROL;
        const double *other = game->background_gains + (background * o + output) * p;
        double *totals = room->totals;
        for (int row = 0; row < WB_ROWS; row++)
            totals[row] = game->starts[background * o + output];
        for (int64_t step = 0; step < p; step++) {
            const int64_t player = order[way % 2 ? p - 1 - step : step];
            for (int row = 0; row < WB_ROWS; row++)
                totals[(step + 1) * WB_ROWS + row] =
                    totals[step * WB_ROWS + row] + (own[player * WB_ROWS + row] - other[player]);
        }
        for (int64_t at = 0; at < size; at++)
            answers[output * size + at] -= control_of(control, totals[at]);
    }
}

/* The mean of what a player adds there and back. */
static void write_pair(scratch *room, const wb_linked_game *game, int number, const int64_t *order)
{
    const int64_t p = game->n_players, o = game->n_outputs, size = (p + 1) * WB_ROWS;
    const double *there = room->answers + 2 * number * o * size, *back = there + o * size;
    for (int64_t step = 0; step < p; step++)
        for (int64_t output = 0; output < o; output++) {
            const double *ahead = there + output * size + step * WB_ROWS;
            const double *behind = back + output * size + (p - 1 - step) * WB_ROWS;
            double *pair = room->pairs + ((number * p + order[step]) * o + output) * WB_ROWS;
            for (int row = 0; row < WB_ROWS; row++)
                pair[row] = 0.5 * ((ahead[WB_ROWS + row] - ahead[row]) + (behind[WB_ROWS + row] - behind[row]));
        }
}

/* Make mean and half difference of two pairs. */
static void fold_pairs(double *restrict first, double *restrict second, int64_t n)
{
    for (int64_t at = 0; at < n; at++) {
        const double mean = 0.5 * (first[at] + second[at]);
        second[at] = 0.5 * (first[at] - second[at]);
        first[at] = mean;
    }
}

static void add_weighted(double *restrict sums, const double *restrict pairs, int64_t n, double weight, double spread)
{
    for (int64_t at = 0; at < n; at++)
        sums[at] += weight * pairs[at];
    for (int64_t at = 0; spread != 0.0 && at < n; at++) {
        const double half = weight * pairs[n + at], part = spread * (half * half);
        sums[n + at] += part;
        sums[2 * n + at] += part * part;
    }
}

/* A background row that stands for others too: what its sample's mean, variance and calibration need. */
static void add_sampled(double *restrict sums, const double *restrict pairs, const wb_linked_game *game, int64_t background)
{
    const int64_t o = game->n_outputs, n = game->n_players * o * WB_ROWS;
    for (int64_t at = 0; at < n; at++) {
        const int64_t output = at / WB_ROWS % o, place = background * o + output;
        const double gap = game->background_outputs[place] -
                           control_of(game->control + output * WB_CONTROL, game->starts[place]);
        sums[3 * n + at] += pairs[at];
        sums[4 * n + at] += pairs[at] * pairs[at];
        sums[5 * n + at] += pairs[at] * gap;
    }
}

static void visit(scratch *room, const wb_linked_game *game, const wb_played *leaves, const wb_visits *visits,
                  int64_t number, uint32_t all)
{
    const int64_t p = game->n_players, background = visits->backgrounds[number], *orders = visits->orders + 2 * number * p;
    const int64_t n = p * game->n_outputs * WB_ROWS;
    const double weight = visits->weights[number], spread = visits->spreads[number];
    const int n_orders = spread != 0.0 ? 2 : 1;
    for (int64_t at = 0; at < n_orders * p; at++)
        room->ranks[at / p * p + orders[at]] = (int32_t)(at % p);
    add_leaves(room, game, leaves, number, all, 2 * n_orders);
    for (int order = 0; order < n_orders; order++) {
        answer_way(room, game, leaves->n_margins, background, 2 * order, orders + order * p);
        answer_way(room, game, leaves->n_margins, background, 2 * order + 1, orders + order * p);
        write_pair(room, game, order, orders + order * p);
    }
    if (n_orders == 2)
        fold_pairs(room->pairs, room->pairs + n, n);
    if (weight != 0.0)
        add_weighted(room->sums, room->pairs, n, weight, spread);
    else
        add_sampled(room->sums, room->pairs, game, background);
}

/* Visit with up to 16 rows of a group. */
static void visit_rows(scratch *room, const wb_linked_game *game, const wb_played *leaves, const wb_visits *visits,
                       int64_t group, int64_t first, double *sums)
{
    const int64_t stop = visits->first_row[group + 1], n = stop - first < WB_ROWS ? stop - first : WB_ROWS;
    const int64_t n_values = WB_SUMS * game->n_players * game->n_outputs;
    const uint32_t all = ((uint32_t)1 << n) - 1;
    read_masks(room, game, leaves, visits->rows + first, n);
    read_gains(room, game, visits->rows + first, n);
    memset(room->sums, 0, (size_t)n_values * WB_ROWS * sizeof *room->sums);
    for (int64_t number = visits->first_visit[group]; number < visits->first_visit[group + 1]; number++)
        visit(room, game, leaves, visits, number, all);
    for (int64_t row = 0; row < n; row++)
        for (int64_t at = 0; at < n_values; at++)
            sums[(first + row) * n_values + at] = room->sums[at * WB_ROWS + row];
}

int32_t WB_AT(wb_linked_walks)(const wb_linked_game *game, const wb_visits *visits, double *sums)
{
    wb_played leaves = {0};
    scratch room = {0};
    const wb_hidden_game plain = {.leaves = game->leaves, .n_own = game->leaves->n_sources, .n_players = game->n_players};
    int32_t status = wb_play(&plain, &leaves);
    if (status == WB_OK)
        status = wb_check_linked(game);
    if (status == WB_OK)
        status = wb_check_visits(visits, game->n_rows, game->n_background, game->n_players);
    if (status == WB_OK) {
        const int64_t n_visits = visits->first_visit[visits->n_groups];
        if (!make_room(&room, game, &leaves) ||
            !wb_read_missed(&leaves, game->background, visits->backgrounds, n_visits, &room.background))
            status = WB_NO_MEMORY;
    }
    for (int64_t group = 0; status == WB_OK && group < visits->n_groups; group++)
        for (int64_t row = visits->first_row[group]; row < visits->first_row[group + 1]; row += WB_ROWS)
            visit_rows(&room, game, &leaves, visits, group, row, sums);
    give_room_back(&room);
    wb_put_away(&leaves);
    return status;
}
