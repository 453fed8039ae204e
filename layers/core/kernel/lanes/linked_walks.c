/* Linked walks: the margins of 16 rows at a time along permutations and back, through the link, less a control with
 * known shares.
 *
 *      rows of a group, background row, one permutation or two
 *          ─▶ changes of the margins at each rank of each way: by table or by leaf, table_walks.h
 *          ─▶ answers on each way: linked_answers.h
 *          ─▶ pairs, the mean of what a player adds there and back
 *          ─▶ sums over the visits of the group
 */
#include "linked_answers.h"
#include "table_walks.h"
#include "walk_levels.h"

/* Working arrays of one call. */
typedef struct {
    wb_missed background; /* of the background rows that are visited */
    wb_parts parts;
    wb_met met;
    wb_tables tables;
    wb_ways ways;
    int64_t *places;      /* (visits), background rows among those visited */
    int64_t *visited;     /* background rows that are visited */
    wb_sixteen *own;      /* (outputs, players), of the rows: what a player adds to T */
    wb_sixteen *gains;    /* less what it adds to that of the background row */
    wb_sixteen *sums;     /* (WB_SUMS, players, outputs) */
} scratch;

static int make_room(scratch *room, const wb_linked_game *game, const wb_played *leaves, const wb_visits *visits)
{
    const size_t p = (size_t)game->n_players, o = (size_t)game->n_outputs, m = (size_t)leaves->n_margins;
    const size_t row = sizeof(wb_sixteen), n_visits = (size_t)visits->first_visit[visits->n_groups];
    room->ways = (wb_ways){.n_players = game->n_players, .n_margins = leaves->n_margins};
    room->ways.ranks = malloc(2 * p * sizeof *room->ways.ranks);
    room->ways.changes = aligned_alloc(row, WB_WAYS * m * (p + 1) * row);
    room->places = malloc((n_visits + (size_t)game->n_background + 1) * sizeof *room->places);
    room->visited = malloc((n_visits + 1) * sizeof *room->visited);
    room->own = aligned_alloc(row, o * p * row);
    room->gains = aligned_alloc(row, o * p * row);
    room->sums = aligned_alloc(row, WB_SUMS * p * o * row);
    return wb_make_met(leaves, &room->met) && room->ways.ranks && room->ways.changes && room->places && room->visited &&
           room->own && room->gains && room->sums;
}

static void give_room_back(scratch *room)
{
    void *const all[] = {room->ways.ranks, room->ways.changes, room->places, room->visited, room->own,
                         room->gains,      room->sums};
    for (size_t at = 0; at < sizeof all / sizeof all[0]; at++)
        free(all[at]);
    wb_forget_missed(&room->background);
    wb_forget_parts(&room->parts);
    wb_forget_met(&room->met);
    wb_forget_tables(&room->tables);
}

/* List the background rows that are visited, each once; returns how many. */
static int64_t list_visited(scratch *room, const wb_linked_game *game, const wb_visits *visits)
{
    const int64_t n_visits = visits->first_visit[visits->n_groups];
    int64_t *place_of = room->places + n_visits, n_visited = 0; /* (background rows) */
    for (int64_t background = 0; background < game->n_background; background++)
        place_of[background] = -1;
    for (int64_t visit = 0; visit < n_visits; visit++) {
        int64_t *place = place_of + visits->backgrounds[visit];
        if (*place < 0) {
            room->visited[n_visited] = visits->backgrounds[visit];
            *place = n_visited++;
        }
        room->places[visit] = *place;
    }
    return n_visited;
}

static int32_t prepare(scratch *room, const wb_linked_game *game, wb_played *leaves, const wb_visits *visits)
{
    int32_t status = wb_list_parts(leaves, &room->parts);
    if (status != WB_OK)
        return status;
    if (!make_room(room, game, leaves, visits))
        return WB_NO_MEMORY;
    const int64_t n_visited = list_visited(room, game, visits);
    if (!wb_read_missed(leaves, game->background, room->visited, n_visited, &room->background))
        return WB_NO_MEMORY;
    status = wb_number_patterns(leaves, &room->background, &room->parts);
    if (status == WB_OK && !wb_make_room(&room->parts, game->n_players, leaves->n_margins, &room->tables))
        status = WB_NO_MEMORY;
    return status;
}

static void read_own(scratch *room, const wb_linked_game *game, const int64_t *rows, int64_t n)
{
    for (int64_t row = 0; row < WB_ROWS; row++) {
        const double *gains = game->row_gains + rows[row < n ? row : n - 1] * game->n_outputs * game->n_players;
        for (int64_t at = 0; at < game->n_outputs * game->n_players; at++)
            room->own[at][row] = gains[at];
    }
}

/* What a player adds to an output along one of a visit's orders and back. */
static inline wb_sixteen pair_along(const scratch *room, const wb_linked_game *game, int64_t order, int64_t at)
{
    const int64_t p = game->n_players, o = game->n_outputs, player = at / o;
    return wb_pair_of(game, room->ways.changes + 2 * order * o * (p + 1), at % o, room->ways.ranks[order * p + player]);
}

/* Add the pairs of a visit along one order, or two whose difference says how much pairs vary. */
static void add_weighted(scratch *room, const wb_linked_game *game, double weight, double spread)
{
    const int64_t n = game->n_players * game->n_outputs;
    for (int64_t at = 0; at < n; at++) {
        wb_sixteen pair = pair_along(room, game, 0, at);
        if (spread != 0.0) {
            const wb_sixteen other = pair_along(room, game, 1, at);
            const wb_sixteen half = weight * (0.5 * (pair - other)), part = spread * (half * half);
            pair = 0.5 * (pair + other);
            room->sums[n + at] += part;
            room->sums[2 * n + at] += part * part;
        }
        room->sums[at] += weight * pair;
    }
}

/* A background row that stands for others too: what its sample's mean, variance and calibration need. */
static void add_sampled(scratch *room, const wb_linked_game *game, int64_t background)
{
    const int64_t o = game->n_outputs, n = game->n_players * o;
    for (int64_t at = 0; at < n; at++) {
        const int64_t output = at % o, place = background * o + output;
        const wb_sixteen start = game->starts[place] - (wb_sixteen){0};
        const wb_sixteen control = wb_control_of(game->control + output * WB_CONTROL, start);
        wb_sixteen pair = pair_along(room, game, 0, at);
        if (room->ways.n_orders == 2)
            pair = 0.5 * (pair + pair_along(room, game, 1, at));
        room->sums[3 * n + at] += pair;
        room->sums[4 * n + at] += pair * pair;
        room->sums[5 * n + at] += pair * (game->background_outputs[place] - control);
    }
}

static void visit(scratch *room, const wb_linked_game *game, const wb_played *leaves, const wb_visits *visits,
                  int64_t number)
{
    wb_ways *ways = &room->ways;
    const int64_t p = game->n_players, o = game->n_outputs, size = ways->n_margins * (p + 1);
    const int64_t background = visits->backgrounds[number], *orders = visits->orders + 2 * number * p;
    const double weight = visits->weights[number], spread = visits->spreads[number];
    const wb_meeting meeting = {leaves, &room->parts, &room->background, &room->met, room->places[number]};
    const wb_linked linked = {game, background, room->gains};
    ways->n_orders = spread != 0.0 ? 2 : 1;
    for (int64_t at = 0; at < ways->n_orders * p; at++)
        ways->ranks[at / p * p + orders[at]] = (int32_t)(at % p);
    for (int64_t at = 0; at < o * p; at++)
        room->gains[at] = room->own[at] - game->background_gains[background * o * p + at];
    memset(ways->changes, 0, (size_t)(2 * ways->n_orders * size) * sizeof *ways->changes);
    wb_walk_parts(&room->tables, &meeting, ways);
    for (int64_t way = 0; way < 2 * ways->n_orders; way++)
        wb_answer_way(&linked, orders + way / 2 * p, way % 2, ways->changes + way * size);
    if (weight != 0.0)
        add_weighted(room, game, weight, spread);
    else
        add_sampled(room, game, background);
}

/* Visit with up to 16 rows of a group. */
static void visit_rows(scratch *room, const wb_linked_game *game, const wb_played *leaves, const wb_visits *visits,
                       int64_t group, int64_t first, double *sums)
{
    const int64_t stop = visits->first_row[group + 1], n = stop - first < WB_ROWS ? stop - first : WB_ROWS;
    const int64_t n_values = WB_SUMS * game->n_players * game->n_outputs;
    wb_read_met(leaves, game->rows, visits->rows + first, n, &room->met);
    wb_clear_tables(&room->parts, &room->tables);
    read_own(room, game, visits->rows + first, n);
    memset(room->sums, 0, (size_t)n_values * sizeof *room->sums);
    for (int64_t number = visits->first_visit[group]; number < visits->first_visit[group + 1]; number++)
        visit(room, game, leaves, visits, number);
    for (int64_t row = 0; row < n; row++)
        for (int64_t at = 0; at < n_values; at++)
            sums[(first + row) * n_values + at] = room->sums[at][row];
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
    if (status == WB_OK)
        status = prepare(&room, game, &leaves, visits);
    for (int64_t group = 0; status == WB_OK && group < visits->n_groups; group++)
        for (int64_t row = visits->first_row[group]; row < visits->first_row[group + 1]; row += WB_ROWS)
            visit_rows(&room, game, &leaves, visits, group, row, sums);
    give_room_back(&room);
    wb_put_away(&leaves);
    return status;
}
