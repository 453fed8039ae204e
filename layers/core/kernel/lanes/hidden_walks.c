/* Hidden walks: leaves on 64 coalitions at a time, one bit each, along permutations and along their complements.
 *
 * A leaf is on in the lanes that take all players of the conditions which the background row misses from the row,
 * and none of those which the row misses (no lane where they have one in common), and whose hidden columns meet its
 * planes.
 */
#include "coalitions.h"
#include "hidden_columns.h"
#include "missed.h"
#include "walk_levels.h"

#include <stdlib.h>

/* Working arrays of one call. */
typedef struct {
    int64_t n_words;
    uint64_t *joined;       /* (players, words): lanes that take the player from the row */
    wb_missed rows, background; /* of what is walked */
    uint64_t *taken;        /* (words, leaves): lanes that take all of these players from the row */
    int64_t *reached;       /* leaves that row and background row reach together */
    uint64_t *on;           /* their lanes, of those that have any */
    double *worth;          /* (margins, leaves): the values of these */
    uint64_t *planes;
    double *start;          /* (n_sums), of the background row */
    double *gains, *steps;  /* (players), (n_sums, players + 1): how the sums change */
    double *sums, *columns; /* (n_sums, 64), (hidden columns, 64) */
    float *narrow;          /* (hidden columns, 64) */
    double *answers;        /* (words, margins, 64) */
} scratch;

static int make_room(scratch *room, const wb_hidden_game *game, const wb_played *leaves)
{
    const size_t n_players = (size_t)game->n_players, n_sums = (size_t)game->n_sums + 1;
    const size_t n_words = wb_count_words(game->n_players), n_leaves = (size_t)leaves->n_leaves + 1;
    const size_t n_hidden = (size_t)leaves->n_hidden + 1, n_margins = (size_t)leaves->n_margins;
    room->n_words = (int64_t)n_words;
    room->joined = malloc((n_players * n_words + 1) * sizeof *room->joined);
    room->taken = malloc(n_leaves * (n_words + 1) * sizeof *room->taken);
    room->reached = malloc(n_leaves * sizeof *room->reached);
    room->on = malloc(n_leaves * sizeof *room->on);
    room->worth = malloc(n_leaves * n_margins * sizeof *room->worth);
    room->planes = malloc(((size_t)leaves->n_planes + 1) * sizeof *room->planes);
    room->start = malloc(n_sums * sizeof *room->start);
    room->gains = malloc(n_players * sizeof *room->gains);
    room->steps = malloc(n_sums * (n_players + 1) * sizeof *room->steps);
    room->sums = malloc(n_sums * WB_LANES * sizeof *room->sums);
    room->columns = malloc(n_hidden * WB_LANES * sizeof *room->columns);
    room->narrow = malloc(n_hidden * WB_LANES * sizeof *room->narrow);
    room->answers = malloc((n_words * n_margins + 1) * WB_LANES * sizeof *room->answers);
    return room->joined && room->taken && room->reached && room->on && room->worth &&
           room->planes && room->start && room->gains && room->steps && room->sums && room->columns && room->narrow &&
           room->answers;
}

static void give_room_back(scratch *room)
{
    void *const all[] = {room->joined, room->taken, room->reached,
                         room->on,     room->worth,    room->planes, room->start,
                         room->gains,  room->steps,  room->sums,     room->columns, room->narrow, room->answers};
    for (size_t at = 0; at < sizeof all / sizeof all[0]; at++)
        free(all[at]);
    wb_forget_missed(&room->rows);
    wb_forget_missed(&room->background);
}

static void write_joined(scratch *room, const int64_t *order, int64_t n_players)
{
    for (int64_t rank = 0; rank < n_players; rank++)
        for (int64_t word = 0; word < room->n_words; word++)
            room->joined[order[rank] * room->n_words + word] = wb_joined(rank, n_players, word);
}

/* The lanes of each leaf, as far as the background row decides: those that take all it misses from the row. */
static void write_taken(scratch *room, const wb_played *leaves, int64_t walked, int64_t n_players)
{
    for (int64_t number = 0; number < leaves->n_leaves; number++) {
        const wb_played_leaf *leaf = leaves->leaves + number;
        for (int64_t word = 0; word < room->n_words; word++) {
            uint64_t lanes = wb_all_lanes(n_players, word);
            for (uint64_t missed = wb_missed_of(&room->background, leaf, walked, number); missed; missed &= missed - 1)
                lanes &= room->joined[leaf->conditions[__builtin_ctzll(missed)].player * room->n_words + word];
            room->taken[word * leaves->n_leaves + number] = lanes;
        }
    }
}

static void write_planes(scratch *room, const wb_played *leaves)
{
    for (int64_t at = 0; at < leaves->n_hidden * WB_LANES; at++)
        room->narrow[at] = (float)room->columns[at];
    for (int64_t number = 0; number < leaves->n_planes; number++) {
        const wb_plane *plane = leaves->planes + number;
        const int64_t first = plane->column * WB_LANES;
        room->planes[number] = plane->is_narrow ? wb_narrow_at_most(room->narrow + first, plane->narrow)
                                                : wb_at_most(room->columns + first, plane->bound);
    }
}

/* The lanes in which a leaf is on. */
static inline uint64_t find_lanes(const scratch *room, const wb_played *leaves, const wb_played_leaf *leaf, uint64_t lanes,
                                  uint64_t missed, int64_t word)
{
    const int32_t *sides = leaves->sides + leaf->first_side;
    for (int64_t bit = 0; bit < leaf->n_conditions; bit++)
        lanes &= ~room->joined[leaf->conditions[bit].player * room->n_words + word] | ((missed >> bit & 1) - 1);
    for (int64_t at = 0; at < leaf->n_sides; at++)
        lanes &= room->planes[sides[at] >> 1] ^ -(uint64_t)(sides[at] & 1);
    return lanes;
}

static void answer_word(scratch *room, const wb_played *leaves, int64_t row, int64_t n_reached, int64_t word)
{
    const int64_t n_leaves = leaves->n_leaves, n_margins = leaves->n_margins;
    double *answers = room->answers + word * n_margins * WB_LANES;
    int64_t n_on = 0;
    for (int64_t at = 0; at < n_reached; at++) {
        const int64_t number = room->reached[at];
        const wb_played_leaf *leaf = leaves->leaves + number;
        room->on[n_on] = find_lanes(room, leaves, leaf, room->taken[word * n_leaves + number],
                                    wb_missed_of(&room->rows, leaf, row, number), word);
        for (int64_t margin = 0; margin < n_margins; margin++)
            room->worth[margin * n_leaves + n_on] = leaf->values[margin];
        n_on += room->on[n_on] != 0;
    }
    for (int64_t at = 0; at < n_margins * WB_LANES; at++)
        answers[at] = 0.0;
    for (int64_t margin = 0; margin < n_margins; margin++)
        wb_add_where(answers + margin * WB_LANES, room->on, room->worth + margin * n_leaves, n_on);
}

typedef struct {
    int64_t row, background;
    int64_t row_walked, walked; /* where what they miss is */
    const int64_t *order;
} pair;

/* List the leaves that row and background row reach together: neither misses what the other does. */
static int64_t list_reached(scratch *room, const wb_played *leaves, const pair *at)
{
    const uint8_t *own = room->rows.bytes + at->row_walked * leaves->n_leaves;
    const uint8_t *other = room->background.bytes + at->walked * leaves->n_leaves;
    int64_t n_reached = 0;
    for (int64_t first = 0; first < leaves->n_leaves; first += WB_LANES) {
        uint64_t apart = wb_are_apart(own + first, other + first);
        if (leaves->n_leaves - first < WB_LANES)
            apart &= ((uint64_t)1 << (leaves->n_leaves - first)) - 1;
        for (; apart; apart &= apart - 1) {
            const int64_t number = first + __builtin_ctzll(apart);
            const wb_played_leaf *leaf = leaves->leaves + number;
            room->reached[n_reached] = number;
            n_reached += leaf->wide < 0 || !(wb_missed_of(&room->rows, leaf, at->row_walked, number) &
                                             wb_missed_of(&room->background, leaf, at->walked, number));
        }
    }
    return n_reached;
}

static void walk(const wb_hidden_game *game, const wb_played *leaves, scratch *room, const pair *at, double *pairs)
{
    const int64_t n_parts = game->n_sums * game->n_players, n_margins = leaves->n_margins;
    const int64_t n_reached = list_reached(room, leaves, at);
    wb_write_sum_steps(room->steps, room->gains, game->row_parts + at->row * n_parts,
                       game->background_parts + at->background * n_parts, at->order, game->n_sums, game->n_players);
    for (int64_t word = 0; word < room->n_words; word++) {
        for (int64_t sum = 0; sum < game->n_sums; sum++)
            wb_write_line(room->sums + sum * WB_LANES, room->start[sum], room->steps + sum * (game->n_players + 1),
                          game->n_players, word);
        wb_write_hidden(game->layers, game->n_layers, room->sums, room->columns);
        write_planes(room, leaves);
        answer_word(room, leaves, at->row_walked, n_reached, word);
    }
    for (int64_t margin = 0; margin < n_margins; margin++)
        wb_write_pair(room->answers + margin * WB_LANES, n_margins * WB_LANES, at->order, game->n_players,
                      pairs + margin, n_margins);
}

static void walk_group(const wb_hidden_game *game, const wb_played *leaves, const wb_walks *walks, int64_t group,
                       scratch *room, double *pairs)
{
    const int64_t *rows = walks->rows + group * walks->n_shared;
    const int64_t n_values = game->n_players * leaves->n_margins, n_parts = game->n_sums * game->n_players;
    for (int64_t number = 0; number < walks->n_walks; number++) {
        const int64_t walked = group * walks->n_walks + number, background = walks->backgrounds[walked];
        const int64_t *order = walks->orders + walked * game->n_players;
        write_joined(room, order, game->n_players);
        write_taken(room, leaves, walked, game->n_players);
        wb_add_up(game->background_parts + background * n_parts, game->n_sums, game->n_players, room->start);
        for (int64_t shared = 0; shared < walks->n_shared; shared++) {
            const pair at = {rows[shared], background, group * walks->n_shared + shared, walked, order};
            walk(game, leaves, room, &at, pairs + (shared * walks->n_walks + number) * n_values);
        }
    }
}

int32_t WB_AT(wb_hidden_walks)(const wb_hidden_game *game, const wb_walks *walks, double *pairs)
{
    wb_played leaves = {0};
    scratch room = {0};
    int32_t status = wb_play(game, &leaves);
    if (status == WB_OK)
        status = wb_check_walks(walks, game->n_rows, game->n_background, game->n_players);
    const int64_t n_rows = walks->n_groups * walks->n_shared, n_walked = walks->n_groups * walks->n_walks;
    if (status == WB_OK && !(make_room(&room, game, &leaves) &&
                             wb_read_missed(&leaves, game->rows, walks->rows, n_rows, &room.rows) &&
                             wb_read_missed(&leaves, game->background, walks->backgrounds, n_walked, &room.background)))
        status = WB_NO_MEMORY;
    for (int64_t group = 0; status == WB_OK && group < walks->n_groups; group++)
        walk_group(game, &leaves, walks, group, &room,
                   pairs + group * walks->n_shared * walks->n_walks * game->n_players * leaves.n_margins);
    give_room_back(&room);
    wb_put_away(&leaves);
    return status;
}
