/* Linked walks: margins of 64 coalitions at a time, through the link, less a control with known shares.
 *
 * A leaf is on in the lanes that take all players of the conditions which the background row misses from the row,
 * and none of those which the row misses. Told from the margins of the background row, a leaf that one player alone
 * switches adds to that player's gain, which is summed up along the order; one that several players switch is an
 * event, and adds its value where it is switched:
 *
 *      sides       joined, not joined of each player, and everywhere
 *      event       three of them, or more, and all must hold; a leaf that is on at the start goes off elsewhere
 */
#include "coalitions.h"
#include "exponentials.h"
#include "missed.h"
#include "walk_levels.h"

enum { FIRST = 3 };

typedef struct {
    int32_t first[FIRST]; /* into sides */
    int32_t n_more;
    int64_t more;         /* into more */
    uint64_t flip;        /* all ones where the leaf is on at the start */
} event;

/* What is read of a leaf of at most 8 conditions, side by side. */
typedef struct {
    double value;    /* of its margin */
    int32_t margin;  /* the only one with a value, -1 where there are several */
    int32_t sides[8]; /* where the player of each condition joined */
} brief_leaf;

/* The events of one margin. */
typedef struct {
    int64_t n;
    event *events;
    double *worth;
    uint64_t *on;
} event_list;

/* Working arrays of one call. */
typedef struct {
    int64_t n_words;
    uint64_t *sides;    /* (2 orders, words, 2 players + 1) */
    wb_missed rows, background; /* of what is walked */
    brief_leaf *brief;  /* (leaves) */
    event_list *lists;  /* (margins) */
    event *events;
    double *worth;
    uint64_t *on;
    int32_t *more;
    int64_t n_more;
    double *lone;       /* (margins, players): gains by leaves that one player switches */
    double *gains;      /* (players), of the control */
    double *steps;      /* (players) */
    double *margins;    /* (margins, 64) */
    double *line;       /* (64), T of the lanes */
    double *answers;    /* (words, outputs, 64) */
    double *pairs;      /* (2 orders, players, outputs) */
} scratch;

static int make_lists(scratch *room, const wb_played *leaves)
{
    const size_t n_leaves = (size_t)leaves->n_leaves + 1, m = (size_t)leaves->n_margins;
    room->brief = calloc(n_leaves, sizeof *room->brief);
    room->lists = malloc(m * sizeof *room->lists);
    room->events = malloc(m * n_leaves * sizeof *room->events);
    room->worth = malloc(m * n_leaves * sizeof *room->worth);
    room->on = malloc(m * n_leaves * sizeof *room->on);
    room->more = malloc((m * (size_t)leaves->traced->n_conditions + 1) * sizeof *room->more);
    if (!room->brief || !room->lists || !room->events || !room->worth || !room->on || !room->more)
        return 0;
    for (size_t margin = 0; margin < m; margin++)
        room->lists[margin] = (event_list){0, room->events + margin * n_leaves, room->worth + margin * n_leaves,
                                           room->on + margin * n_leaves};
    for (int64_t number = 0; number < leaves->n_leaves; number++) {
        const wb_played_leaf *leaf = leaves->leaves + number;
        room->brief[number].margin = leaf->margin;
        room->brief[number].value = leaf->margin < 0 ? 0.0 : leaf->values[leaf->margin];
        for (int32_t at = 0; at < leaf->n_conditions && at < 8; at++)
            room->brief[number].sides[at] = 2 * leaf->conditions[at].player;
    }
    return 1;
}

static int make_room(scratch *room, const wb_linked_game *game, const wb_played *leaves)
{
    const size_t p = (size_t)game->n_players, n_words = wb_count_words(game->n_players), o = (size_t)game->n_outputs;
    const size_t m = (size_t)leaves->n_margins;
    room->n_words = (int64_t)n_words;
    room->sides = malloc((2 * (2 * p + 1) * n_words + 1) * sizeof *room->sides);
    room->lone = malloc(m * p * sizeof *room->lone);
    room->gains = malloc(p * sizeof *room->gains);
    room->steps = malloc(p * sizeof *room->steps);
    room->margins = malloc(m * WB_LANES * sizeof *room->margins);
    room->line = malloc(WB_LANES * sizeof *room->line);
    room->answers = malloc((n_words * o + 1) * WB_LANES * sizeof *room->answers);
    room->pairs = malloc(2 * p * o * sizeof *room->pairs);
    return make_lists(room, leaves) && room->sides && room->lone && room->gains && room->steps && room->margins &&
           room->line && room->answers && room->pairs;
}

static void give_room_back(scratch *room)
{
    void *const all[] = {room->brief, room->lists, room->events, room->worth, room->on,      room->more, room->sides,   room->lone,
                         room->gains, room->steps,  room->margins, room->line, room->answers, room->pairs};
    for (size_t at = 0; at < sizeof all / sizeof all[0]; at++)
        free(all[at]);
    wb_forget_missed(&room->rows);
    wb_forget_missed(&room->background);
}

/* sides (words, 2 players + 1) of one order. */
static void write_sides(uint64_t *sides, const int64_t *order, int64_t n_players, int64_t n_words)
{
    const int64_t half = n_players - 1, everywhere = 2 * n_players;
    for (int64_t word = 0; word < n_words; word++, sides += everywhere + 1) {
        const uint64_t lanes = wb_lanes_between(0, 2 * half, word);
        for (int64_t rank = 0; rank < n_players; rank++) {
            const uint64_t joined = wb_lanes_between(rank, half, word) | wb_lanes_between(half, half + rank, word);
            sides[2 * order[rank]] = joined;
            sides[2 * order[rank] + 1] = joined ^ lanes;
        }
        sides[everywhere] = lanes;
    }
}

static inline double turned(double value, uint64_t up)
{
    return up ? value : -value;
}

static inline void add_event(event_list *list, const event *made, double value)
{
    list->events[list->n] = *made;
    list->worth[list->n] = turned(value, !made->flip);
    list->n += value != 0.0;
}

/* A leaf that several players switch: those of `up` on, those of `down` off. */
static void add_events(scratch *room, const wb_played *leaves, int64_t number, uint64_t up, uint64_t down, int32_t everywhere)
{
    const wb_played_leaf *leaf = leaves->leaves + number;
    event made = {.flip = up ? 0 : ~(uint64_t)0, .more = room->n_more};
    int n_sides = 0;
    for (uint64_t switched = up | down; switched; switched &= switched - 1, n_sides++) {
        const int bit = __builtin_ctzll(switched);
        const int32_t side = 2 * leaf->conditions[bit].player + (int32_t)(down >> bit & 1);
        if (n_sides < FIRST)
            made.first[n_sides] = side;
        else
            room->more[room->n_more++] = side;
    }
    for (; n_sides < FIRST; n_sides++)
        made.first[n_sides] = everywhere;
    made.n_more = (int32_t)(room->n_more - made.more);
    for (int64_t margin = 0; margin < leaves->n_margins; margin++)
        add_event(room->lists + margin, &made, leaf->values[margin]);
}

/* The same for a leaf of at most FIRST conditions and one margin, which is the rule. */
static inline void add_brief(const scratch *room, int64_t number, uint32_t up, uint32_t down, int32_t everywhere)
{
    const brief_leaf *leaf = room->brief + number;
    event_list *list = room->lists + leaf->margin;
    event *made = list->events + list->n;
    for (int bit = 0; bit < FIRST; bit++) {
        const int32_t is_down = (int32_t)(down >> bit & 1), is_switched = (int32_t)(up >> bit & 1) | is_down;
        made->first[bit] = is_switched ? leaf->sides[bit] + is_down : everywhere;
    }
    made->n_more = 0;
    made->flip = up ? 0 : ~(uint64_t)0;
    list->worth[list->n++] = turned(leaf->value, up);
}

/* A leaf that one player switches on, or off. */
static void add_lone(scratch *room, const wb_played *leaves, int64_t number, uint64_t up, uint64_t down, int64_t n_players)
{
    const wb_played_leaf *leaf = leaves->leaves + number;
    double *lone = room->lone + leaf->conditions[__builtin_ctzll(up | down)].player;
    for (int64_t margin = 0; margin < leaves->n_margins; margin++)
        lone[margin * n_players] += turned(leaf->values[margin], up);
}

static inline void add_brief_lone(scratch *room, int64_t number, uint32_t up, uint32_t down, int64_t n_players)
{
    const brief_leaf *leaf = room->brief + number;
    const int64_t player = leaf->sides[__builtin_ctz(up | down)] / 2;
    room->lone[leaf->margin * n_players + player] += turned(leaf->value, up);
}

/* Leaves of more than 8 conditions stand last; what their first 8 say is not all. */
static void list_wide(scratch *room, const wb_played *leaves, int64_t row, int64_t walked, int64_t n_players)
{
    for (int64_t number = leaves->n_leaves - leaves->n_wide; number < leaves->n_leaves; number++) {
        const wb_played_leaf *leaf = leaves->leaves + number;
        const uint64_t up = wb_missed_of(&room->background, leaf, walked, number);
        const uint64_t down = wb_missed_of(&room->rows, leaf, row, number), switched = up | down;
        if (!switched || (up & down))
            continue;
        if (switched & (switched - 1))
            add_events(room, leaves, number, up, down, (int32_t)(2 * n_players));
        else
            add_lone(room, leaves, number, up, down, n_players);
    }
}

/* Sort the leaves that are switched between a row and a background row into lone gains and events. */
static void list_events(scratch *room, const wb_played *leaves, int64_t row, int64_t walked, int64_t n_players)
{
    const uint8_t *own = room->rows.bytes + row * leaves->n_leaves;
    const uint8_t *other = room->background.bytes + walked * leaves->n_leaves;
    const int64_t n_narrow = leaves->n_leaves - leaves->n_wide;
    const int32_t everywhere = (int32_t)(2 * n_players);
    room->n_more = 0;
    for (int64_t margin = 0; margin < leaves->n_margins; margin++)
        room->lists[margin].n = 0;
    for (int64_t at = 0; at < leaves->n_margins * n_players; at++)
        room->lone[at] = 0.0;
    for (int64_t first = 0; first < n_narrow; first += WB_LANES) {
        wb_switched switched = wb_sort_switched(own + first, other + first);
        const uint64_t there = n_narrow - first < WB_LANES ? ((uint64_t)1 << (n_narrow - first)) - 1 : ~(uint64_t)0;
        for (uint64_t lone = switched.lone & there; lone; lone &= lone - 1) {
            const int64_t number = first + __builtin_ctzll(lone);
            if (room->brief[number].margin >= 0)
                add_brief_lone(room, number, other[number], own[number], n_players);
            else
                add_lone(room, leaves, number, other[number], own[number], n_players);
        }
        for (uint64_t several = switched.several & there; several; several &= several - 1) {
            const int64_t number = first + __builtin_ctzll(several);
            if (room->brief[number].margin >= 0 && leaves->leaves[number].n_conditions <= FIRST)
                add_brief(room, number, other[number], own[number], everywhere);
            else
                add_events(room, leaves, number, other[number], own[number], everywhere);
        }
    }
    list_wide(room, leaves, row, walked, n_players);
}

/* The lanes in which each event has switched its leaf. */
static void switch_leaves(const scratch *room, event_list *list, const uint64_t *sides)
{
    for (int64_t at = 0; at < list->n; at++) {
        const event *one = list->events + at;
        uint64_t lanes = sides[one->first[0]] & sides[one->first[1]] & sides[one->first[2]];
        for (int64_t more = 0; more < one->n_more; more++)
            lanes &= sides[room->more[one->more + more]];
        list->on[at] = lanes ^ one->flip;
    }
}

static void write_margins(scratch *room, const wb_linked_game *game, const wb_played *leaves, const int64_t *order,
                          const uint64_t *sides, const double *starts, int64_t word)
{
    for (int64_t margin = 0; margin < leaves->n_margins; margin++) {
        double *line = room->margins + margin * WB_LANES;
        event_list *list = room->lists + margin;
        wb_write_steps(room->steps, room->lone + margin * game->n_players, order, game->n_players);
        wb_write_line(line, starts[margin], starts[margin] + room->steps[game->n_players - 1], room->steps,
                      game->n_players, word);
        switch_leaves(room, list, sides);
        wb_add_where(line, list->on, list->worth, list->n);
    }
}

static void link_lanes(const wb_linked_game *game, const double *restrict margins, int64_t n_margins,
                       double *restrict answers)
{
    if (game->link == WB_LOGISTIC) {
        for (int lane = 0; lane < WB_LANES; lane++)
            answers[lane] = 1.0 / (1.0 + wb_exp(-margins[lane]));
        return;
    }
    double most[WB_LANES] = {0}, total[WB_LANES] = {0};
    const int is_softmax = game->link == WB_SOFTMAX;
    for (int lane = 0; is_softmax && lane < WB_LANES; lane++) {
        most[lane] = margins[lane];
        for (int64_t margin = 1; margin < n_margins; margin++)
            most[lane] = margins[margin * WB_LANES + lane] > most[lane] ? margins[margin * WB_LANES + lane] : most[lane];
    }
    for (int64_t margin = 0; margin < n_margins; margin++)
        for (int lane = 0; lane < WB_LANES; lane++) {
            const double grown = wb_exp(margins[margin * WB_LANES + lane] - most[lane]);
            answers[margin * WB_LANES + lane] = grown;
            total[lane] += grown;
        }
    for (int64_t at = 0; is_softmax && at < n_margins * WB_LANES; at++)
        answers[at] /= total[at % WB_LANES];
}

static inline double control_of(const double *c, double t)
{
    return c[0] + t * (c[1] + t * (c[2] + t * (c[3] + t * (c[4] + t * c[5]))));
}

/* T of nobody, and what each player adds to it. */
static double read_gains(scratch *room, const wb_linked_game *game, int64_t row, int64_t background, int64_t output)
{
    const double *own = game->row_gains + (row * game->n_outputs + output) * game->n_players;
    const double *other = game->background_gains + (background * game->n_outputs + output) * game->n_players;
    for (int64_t player = 0; player < game->n_players; player++)
        room->gains[player] = own[player] - other[player];
    return game->starts[background * game->n_outputs + output];
}

/* Take the control off the answers of one output, and write the pair. */
static void finish_output(scratch *room, const wb_linked_game *game, int64_t row, int64_t background, int64_t output,
                          const int64_t *order, double *pair)
{
    const double *control = game->control + output * WB_CONTROL;
    const double start = read_gains(room, game, row, background, output);
    wb_write_steps(room->steps, room->gains, order, game->n_players);
    const double end = start + room->steps[game->n_players - 1];
    for (int64_t word = 0; word < room->n_words; word++) {
        double *answers = room->answers + (word * game->n_outputs + output) * WB_LANES;
        wb_write_line(room->line, start, end, room->steps, game->n_players, word);
        for (int lane = 0; lane < WB_LANES; lane++)
            answers[lane] -= control_of(control, room->line[lane]);
    }
    wb_write_pair(room->answers + output * WB_LANES, game->n_outputs * WB_LANES,
                  game->background_outputs[background * game->n_outputs + output] - control_of(control, start),
                  game->row_outputs[row * game->n_outputs + output] - control_of(control, end), order, game->n_players,
                  pair + output, game->n_outputs);
}

static void walk(scratch *room, const wb_linked_game *game, const wb_played *leaves, int64_t row, int64_t background,
                 const int64_t *order, const uint64_t *sides, double *pair)
{
    const double *starts = game->background_margins + background * leaves->n_margins;
    for (int64_t word = 0; word < room->n_words; word++) {
        write_margins(room, game, leaves, order, sides + word * (2 * game->n_players + 1), starts, word);
        link_lanes(game, room->margins, leaves->n_margins, room->answers + word * game->n_outputs * WB_LANES);
    }
    for (int64_t output = 0; output < game->n_outputs; output++)
        finish_output(room, game, row, background, output, order, pair);
}

/* A background row that stands for others too: what its sample's mean, variance and calibration need. */
static void add_sampled(const scratch *room, const wb_linked_game *game, int64_t background, double *restrict sums)
{
    const int64_t n_outputs = game->n_outputs, n = game->n_players * n_outputs;
    for (int64_t output = 0; output < n_outputs; output++) {
        const int64_t place = background * n_outputs + output;
        const double gap = game->background_outputs[place] -
                           control_of(game->control + output * WB_CONTROL, game->starts[place]);
        for (int64_t at = output; at < n; at += n_outputs) {
            sums[3 * n + at] += room->pairs[at];
            sums[4 * n + at] += room->pairs[at] * room->pairs[at];
            sums[5 * n + at] += room->pairs[at] * gap;
        }
    }
}

static void add_weighted(const scratch *room, int64_t n, double weight, double spread, double *restrict sums)
{
    for (int64_t at = 0; at < n; at++)
        sums[at] += weight * room->pairs[at];
    for (int64_t at = 0; spread != 0.0 && at < n; at++) {
        const double half = weight * room->pairs[n + at], part = spread * (half * half);
        sums[n + at] += part;
        sums[2 * n + at] += part * part;
    }
}

/* Make mean and half difference of two pairs. */
static void fold_pairs(scratch *room, int64_t n)
{
    for (int64_t at = 0; at < n; at++) {
        const double first = room->pairs[at], second = room->pairs[n + at];
        room->pairs[at] = 0.5 * (first + second);
        room->pairs[n + at] = 0.5 * (first - second);
    }
}

static void visit_group(scratch *room, const wb_linked_game *game, const wb_played *leaves, const wb_visits *visits,
                        int64_t group, double *sums)
{
    const int64_t p = game->n_players, n_values = p * game->n_outputs, n_sides = (2 * p + 1) * room->n_words;
    for (int64_t visit = visits->first_visit[group]; visit < visits->first_visit[group + 1]; visit++) {
        const int64_t background = visits->backgrounds[visit], *orders = visits->orders + 2 * visit * p;
        const double weight = visits->weights[visit], spread = visits->spreads[visit];
        const int n_orders = spread != 0.0 ? 2 : 1;
        for (int order = 0; order < n_orders; order++)
            write_sides(room->sides + order * n_sides, orders + order * p, p, room->n_words);
        for (int64_t row = visits->first_row[group]; row < visits->first_row[group + 1]; row++) {
            double *own = sums + row * WB_SUMS * n_values;
            list_events(room, leaves, row, visit, p);
            for (int order = 0; order < n_orders; order++)
                walk(room, game, leaves, visits->rows[row], background, orders + order * p,
                     room->sides + order * n_sides, room->pairs + order * n_values);
            if (n_orders == 2)
                fold_pairs(room, n_values);
            if (weight != 0.0)
                add_weighted(room, n_values, weight, spread, own);
            else
                add_sampled(room, game, background, own);
        }
    }
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
        const int64_t n_rows = visits->first_row[visits->n_groups], n_visits = visits->first_visit[visits->n_groups];
        if (!(make_room(&room, game, &leaves) &&
              wb_read_missed(&leaves, game->rows, visits->rows, n_rows, &room.rows) &&
              wb_read_missed(&leaves, game->background, visits->backgrounds, n_visits, &room.background)))
            status = WB_NO_MEMORY;
        const int64_t n_sums = n_rows * WB_SUMS * game->n_players * game->n_outputs;
        for (int64_t at = 0; status == WB_OK && at < n_sums; at++)
            sums[at] = 0.0;
    }
    for (int64_t group = 0; status == WB_OK && group < visits->n_groups; group++)
        visit_group(&room, game, &leaves, visits, group, sums);
    give_room_back(&room);
    wb_put_away(&leaves);
    return status;
}
