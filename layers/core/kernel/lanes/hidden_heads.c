/* Hidden heads: linear models behind hidden columns on 64 coalitions at a time, along permutations and back.
 *
 * The last layer's columns are never written: their standardisation is in the head's coefficients.
 */
#include "coalitions.h"
#include "hidden_columns.h"
#include "walk_levels.h"

#include <stdlib.h>

/* Working arrays of one call. */
typedef struct {
    int64_t n_words;
    double *start;         /* (n_sums), of the background row */
    double *gains, *steps; /* (players), (n_sums, players + 1): how the sums change */
    double *sums, *before; /* (n_sums, 64), (columns of the layers before the last, 64) */
    double *answers;       /* (words, outputs, 64) */
} scratch;

static int make_room(scratch *room, const wb_hidden_head *head)
{
    const size_t n_players = (size_t)head->n_players, n_sums = (size_t)head->n_sums;
    const size_t n_before = (size_t)head->layers[head->n_layers - 1].n_before;
    room->n_words = (int64_t)wb_count_words(head->n_players);
    room->start = malloc(n_sums * sizeof *room->start);
    room->gains = malloc(n_players * sizeof *room->gains);
    room->steps = malloc(n_sums * (n_players + 1) * sizeof *room->steps);
    room->sums = malloc(n_sums * WB_LANES * sizeof *room->sums);
    room->before = malloc((n_before + 1) * WB_LANES * sizeof *room->before);
    room->answers = malloc((size_t)(room->n_words * head->n_outputs) * WB_LANES * sizeof *room->answers);
    return room->start && room->gains && room->steps && room->sums && room->before && room->answers;
}

static void give_room_back(scratch *room)
{
    double *const all[] = {room->start, room->gains, room->steps, room->sums, room->before, room->answers};
    for (size_t at = 0; at < sizeof all / sizeof all[0]; at++)
        free(all[at]);
}

/* The rectified units of the last layer, in place of their sums (n_hidden, 64); `side` says the cluster. */
static void rectify(const wb_layer *layer, const double *restrict side, const double *before, double *restrict units)
{
    for (int64_t unit = 0; unit < layer->n_hidden; unit++, units += WB_LANES) {
        const double first = layer->bias_rows[unit], second = layer->bias_rows[layer->n_hidden + unit];
        for (int lane = 0; lane < WB_LANES; lane++)
            units[lane] += side[lane] > layer->threshold ? second : first;
        wb_add_before(units, before, layer->weights + unit, layer->n_before, layer->n_hidden);
        for (int lane = 0; lane < WB_LANES; lane++)
            units[lane] = units[lane] > 0.0 ? units[lane] : 0.0;
    }
}

static void answer_word(scratch *room, const wb_hidden_head *head, double *answers)
{
    const wb_layer *last = head->layers + head->n_layers - 1;
    double *side = room->sums + (head->n_sums - 1 - last->n_hidden) * WB_LANES, *units = side + WB_LANES;
    wb_write_hidden(head->layers, head->n_layers - 1, room->sums, room->before);
    wb_add_before(side, room->before, last->direction, last->n_before, 1);
    rectify(last, side, room->before, units);
    for (int64_t output = 0; output < head->n_outputs; output++, answers += WB_LANES) {
        const double first = head->of_clusters[2 * output], second = head->of_clusters[2 * output + 1];
        for (int lane = 0; lane < WB_LANES; lane++)
            answers[lane] = side[lane] > last->threshold ? second : first;
        wb_add_before(answers, units, head->of_units + output * last->n_hidden, last->n_hidden, 1);
        wb_add_before(answers, room->before, head->of_before + output * last->n_before, last->n_before, 1);
    }
}

/* Walk one permutation between a row and a background row, of which the parts are given, and write its pairs. */
static void walk(scratch *room, const wb_hidden_head *head, const double *own, const double *other,
                 const int64_t *order, double *pairs)
{
    const int64_t p = head->n_players, n_outputs = head->n_outputs;
    wb_write_sum_steps(room->steps, room->gains, own, other, order, head->n_sums, p);
    for (int64_t word = 0; word < room->n_words; word++) {
        for (int64_t sum = 0; sum < head->n_sums; sum++)
            wb_write_line(room->sums + sum * WB_LANES, room->start[sum], room->steps + sum * (p + 1), p, word);
        answer_word(room, head, room->answers + word * n_outputs * WB_LANES);
    }
    for (int64_t output = 0; output < n_outputs; output++)
        wb_write_pair(room->answers + output * WB_LANES, n_outputs * WB_LANES, order, p, pairs + output, n_outputs);
}

int32_t WB_AT(wb_hidden_heads)(const wb_hidden_head *head, const wb_walks *walks, double *pairs)
{
    int32_t status = wb_check_head(head);
    if (status == WB_OK)
        status = wb_check_walks(walks, head->n_rows, head->n_background, head->n_players);
    if (status != WB_OK)
        return status;
    const int64_t p = head->n_players, n_parts = head->n_sums * p, n_values = p * head->n_outputs;
    scratch room = {0};
    if (!make_room(&room, head))
        status = WB_NO_MEMORY;
    for (int64_t walked = 0; status == WB_OK && walked < walks->n_groups * walks->n_walks; walked++) {
        const int64_t group = walked / walks->n_walks, number = walked % walks->n_walks;
        const double *other = head->background_parts + walks->backgrounds[walked] * n_parts;
        wb_add_up(other, head->n_sums, p, room.start);
        for (int64_t shared = group * walks->n_shared; shared < (group + 1) * walks->n_shared; shared++)
            walk(&room, head, head->row_parts + walks->rows[shared] * n_parts, other, walks->orders + walked * p,
                 pairs + (shared * walks->n_walks + number) * n_values);
    }
    give_room_back(&room);
    return status;
}
