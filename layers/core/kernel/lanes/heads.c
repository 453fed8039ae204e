/* Heads: answers made of sums over columns, by layers of rectified units and a link, for 16 rows at a time along
 * permutations and back.
 *
 * The last layer's columns are never written: their standardisation is in the head's coefficients.
 *
 *      state k       the first k players of the order are taken from the rows; the state back from it takes the
 *                    same players from the background row
 *      sums          (n_sums, 16) of a state, and of the state back: start + end - sums
 */
#include "lines.h"
#include "links.h"
#include "walk_levels.h"

#include <stdlib.h>

/* Working arrays of one call, 16 rows side by side in all but `start`. */
typedef struct {
    double *own;                 /* parts (n_sums, players) of the rows */
    double *start;               /* (n_sums), of the background row */
    double *walked, *end, *sums; /* (n_sums): of the state, of the rows themselves, of the state at work */
    double *columns;             /* (columns of the layers before the last) */
    double *answers;             /* (2, players + 1, outputs) of all states, and of all states back */
} scratch;

static int make_room(scratch *room, const wb_head *head)
{
    const size_t line = WB_ROWS * sizeof(double), n_sums = (size_t)head->n_sums, n_players = (size_t)head->n_players;
    room->own = malloc(n_sums * n_players * line);
    room->start = malloc(n_sums * sizeof(double));
    room->walked = malloc(n_sums * line);
    room->end = malloc(n_sums * line);
    room->sums = malloc(n_sums * line);
    room->columns = malloc(((size_t)(head->n_layers ? head->layers[head->n_layers - 1].n_before : 0) + 1) * line);
    room->answers = malloc(2 * (n_players + 1) * (size_t)head->n_outputs * line);
    return room->own && room->start && room->walked && room->end && room->sums && room->columns && room->answers;
}

static void give_room_back(scratch *room)
{
    double *const all[] = {room->own, room->start, room->walked, room->end, room->sums, room->columns, room->answers};
    for (size_t at = 0; at < sizeof all / sizeof all[0]; at++)
        free(all[at]);
}

static inline void add_scaled(double *restrict total, const double *restrict columns, const double *weights, int64_t n,
                              int64_t stride)
{
    wb_line sum = WB_LINE(total);
    for (int64_t at = 0; at < n; at++)
        sum += WB_LINE(columns + at * WB_ROWS) * weights[at * stride];
    WB_LINE(total) = sum;
}

/* Make a layer's rectified units of their sums (n_hidden, 16), in place; the side says the cluster. */
static inline void rectify(const wb_layer *layer, const double *side, const double *restrict before,
                           double *restrict units)
{
    const wb_line_mask is_second = WB_LINE(side) > layer->threshold;
    for (int64_t unit = 0; unit < layer->n_hidden; unit++, units += WB_ROWS) {
        const wb_line first = WB_LINE_OF(layer->bias_rows[unit]);
        const wb_line second = WB_LINE_OF(layer->bias_rows[layer->n_hidden + unit]);
        WB_LINE(units) += WB_CHOOSE(is_second, second, first);
        add_scaled(units, before, layer->weights + unit, layer->n_before, layer->n_hidden);
        WB_LINE(units) = (wb_line)((wb_line_mask)WB_LINE(units) & (WB_LINE(units) > 0.0));
    }
}

/* sums of the layers before the last ─▶ their columns; overwrites the sums, and returns those of the last layer */
static inline double *write_columns(const wb_head *head, double *sums, double *restrict columns)
{
    double *made = columns;
    for (int64_t number = 0; number < head->n_layers - 1; number++) {
        const wb_layer *layer = head->layers + number;
        double *side = sums, *units = sums + WB_ROWS;
        add_scaled(side, columns, layer->direction, layer->n_before, 1);
        rectify(layer, side, columns, units);
        const wb_line_mask is_second = WB_LINE(side) > layer->threshold;
        for (int cluster = 0; cluster < 2; cluster++, made += WB_ROWS)
            WB_LINE(made) = WB_CHOOSE(is_second, WB_LINE_OF(layer->cluster_rows[2 + cluster]),
                                      WB_LINE_OF(layer->cluster_rows[cluster]));
        for (int64_t unit = 0; unit < layer->n_hidden; unit++, made += WB_ROWS)
            WB_LINE(made) = (WB_LINE(units + unit * WB_ROWS) - layer->means[unit]) / layer->scales[unit];
        sums += (1 + layer->n_hidden) * WB_ROWS;
    }
    return sums;
}

/* Add what the layers give to the margins (outputs, 16); overwrites their sums. */
static inline void add_layers(scratch *room, const wb_head *head, double *sums, double *restrict margins)
{
    const wb_layer *last = head->layers + head->n_layers - 1;
    double *side = write_columns(head, sums, room->columns), *units = side + WB_ROWS;
    add_scaled(side, room->columns, last->direction, last->n_before, 1);
    rectify(last, side, room->columns, units);
    const wb_line_mask is_second = WB_LINE(side) > last->threshold;
    for (int64_t output = 0; output < head->n_outputs; output++, margins += WB_ROWS) {
        WB_LINE(margins) += WB_CHOOSE(is_second, WB_LINE_OF(head->of_clusters[2 * output + 1]),
                                      WB_LINE_OF(head->of_clusters[2 * output]));
        add_scaled(margins, units, head->of_units + output * last->n_hidden, last->n_hidden, 1);
        add_scaled(margins, room->columns, head->of_before + output * last->n_before, last->n_before, 1);
    }
}

/* The answers (outputs, 16) of a state; overwrites its sums. */
static inline void answer(scratch *room, const wb_head *head, double *restrict answers)
{
    double *own = room->sums;
    for (int64_t output = 0; output < head->n_outputs; output++)
        WB_LINE(answers + output * WB_ROWS) =
            head->n_own_sums ? WB_LINE(own + output * WB_ROWS) + head->offset[output] : WB_LINE_OF(0.0);
    if (head->n_layers)
        add_layers(room, head, own + head->n_own_sums * WB_ROWS, answers);
    wb_link_sums(head->link, answers, head->n_outputs, WB_ROWS);
}

/* The parts of up to 16 rows side by side, and their sums over the players. */
static void read_rows(scratch *room, const wb_head *head, const int64_t *rows, int64_t n)
{
    const int64_t p = head->n_players, n_parts = head->n_sums * p;
    for (int64_t row = 0; row < WB_ROWS; row++) {
        const double *parts = head->row_parts + rows[row < n ? row : n - 1] * n_parts;
        for (int64_t at = 0; at < n_parts; at++)
            room->own[at * WB_ROWS + row] = parts[at];
    }
    for (int64_t sum = 0; sum < head->n_sums; sum++) {
        wb_line total = WB_LINE_OF(0.0);
        for (int64_t player = 0; player < p; player++)
            total += WB_LINE(room->own + (sum * p + player) * WB_ROWS);
        WB_LINE(room->end + sum * WB_ROWS) = total;
    }
}

/* One permutation between the rows that were read and a background row, of which the parts are given. */
static void walk(scratch *room, const wb_head *head, const double *other, const int64_t *order)
{
    const int64_t p = head->n_players, n_sums = head->n_sums, size = head->n_outputs * WB_ROWS;
    double *start = room->start, *walked = room->walked, *sums = room->sums;
    for (int64_t sum = 0; sum < n_sums; sum++) {
        start[sum] = 0.0;
        for (int64_t player = 0; player < p; player++)
            start[sum] += other[sum * p + player];
        WB_LINE(walked + sum * WB_ROWS) = WB_LINE_OF(start[sum]);
    }
    for (int64_t state = 0; state <= p; state++) {
        for (int64_t sum = 0; state && sum < n_sums; sum++) {
            const int64_t place = sum * p + order[state - 1];
            WB_LINE(walked + sum * WB_ROWS) += WB_LINE(room->own + place * WB_ROWS) - other[place];
        }
        for (int64_t sum = 0; sum < n_sums; sum++)
            WB_LINE(sums + sum * WB_ROWS) = WB_LINE(walked + sum * WB_ROWS);
        answer(room, head, room->answers + state * size);
        for (int64_t sum = 0; sum < n_sums; sum++)
            WB_LINE(sums + sum * WB_ROWS) =
                start[sum] + (WB_LINE(room->end + sum * WB_ROWS) - WB_LINE(walked + sum * WB_ROWS));
        answer(room, head, room->answers + (p + 1 + state) * size);
    }
}

/* What each player adds: half of what it adds there minus back; pairs (rows, `stride`). */
static void write_pairs(const scratch *room, const wb_head *head, const int64_t *order, int64_t n, int64_t stride,
                        double *pairs)
{
    const int64_t p = head->n_players, n_outputs = head->n_outputs, size = n_outputs * WB_ROWS;
    const double *there = room->answers, *back = room->answers + (p + 1) * size;
    for (int64_t state = 1; state <= p; state++, there += size, back += size)
        for (int64_t output = 0; output < n_outputs; output++)
            for (int64_t row = 0; row < n; row++) {
                const int64_t at = output * WB_ROWS + row;
                pairs[row * stride + order[state - 1] * n_outputs + output] =
                    0.5 * ((there[size + at] - there[at]) - (back[size + at] - back[at]));
            }
}

int32_t WB_AT(wb_heads)(const wb_head *head, const wb_walks *walks, double *pairs)
{
    int32_t status = wb_check_head(head);
    if (status == WB_OK)
        status = wb_check_walks(walks, head->n_rows, head->n_background, head->n_players);
    if (status != WB_OK)
        return status;
    const int64_t p = head->n_players, n_values = p * head->n_outputs, stride = walks->n_walks * n_values;
    scratch room = {0};
    if (!make_room(&room, head))
        status = WB_NO_MEMORY;
    for (int64_t group = 0; status == WB_OK && group < walks->n_groups; group++)
        for (int64_t first = 0; first < walks->n_shared; first += WB_ROWS) {
            const int64_t place = group * walks->n_shared + first, left = walks->n_shared - first;
            const int64_t n = left < WB_ROWS ? left : WB_ROWS;
            read_rows(&room, head, walks->rows + place, n);
            for (int64_t number = 0; number < walks->n_walks; number++) {
                const int64_t walked = group * walks->n_walks + number;
                const int64_t *order = walks->orders + walked * p;
                walk(&room, head, head->background_parts + walks->backgrounds[walked] * head->n_sums * p, order);
                write_pairs(&room, head, order, n, stride, pairs + place * stride + number * n_values);
            }
        }
    give_room_back(&room);
    return status;
}
