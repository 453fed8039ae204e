/* Calls of the walks on the layouts of kernel_calls.c, with walks and tables drawn from the same seed: sound ones,
 * and ones with a position, a count or an order that is not what it should be. */
#ifndef WALK_CALLS_H
#define WALK_CALLS_H

#include "dealt.h"
#include "walks.h"

enum { MOST_LAYERS = 2 };

/* Hidden layers in memory of their own. */
typedef struct {
    wb_layer layers[MOST_LAYERS];
    int64_t n_layers, n_sums, n_hidden;
} drawn_layers;

static double *draw_numbers(int64_t n)
{
    double *numbers = room(n, sizeof(double));
    for (int64_t i = 0; i < n; i++)
        numbers[i] = (double)below(64) / 16.0 - 2.0;
    return numbers;
}

static int64_t *draw_places(int64_t n, int64_t end)
{
    int64_t *places = room(n, sizeof(int64_t));
    for (int64_t i = 0; i < n; i++)
        places[i] = below(end);
    return places;
}

static int64_t *draw_orders(int64_t n_orders, int64_t n_players)
{
    int64_t *orders = room(n_orders * n_players, sizeof(int64_t));
    for (int64_t order = 0; order < n_orders; order++)
        for (int64_t rank = 0; rank < n_players; rank++) {
            const int64_t other = below(rank + 1);
            orders[order * n_players + rank] = orders[order * n_players + other];
            orders[order * n_players + other] = rank;
        }
    return orders;
}

static drawn_layers draw_layers(int64_t n_layers)
{
    drawn_layers made = {.n_layers = n_layers};
    for (int64_t number = 0; number < n_layers; number++) {
        const int64_t h = below(3), before = made.n_hidden;
        double *scales = draw_numbers(h);
        for (int64_t unit = 0; unit < h; unit++)
            scales[unit] = 0.5 + (double)below(4);
        made.layers[number] = (wb_layer){h, before, (double)below(8) / 4.0 - 1.0, draw_numbers(before),
                                         draw_numbers(before * h), draw_numbers(4), draw_numbers(2 * h),
                                         draw_numbers(h), scales};
        made.n_sums += 1 + h;
        made.n_hidden += 2 + h;
    }
    return made;
}

static void drop_layers(const drawn_layers *made)
{
    for (int64_t number = 0; number < made->n_layers; number++) {
        const wb_layer *layer = made->layers + number;
        const double *const arrays[] = {layer->direction, layer->weights, layer->cluster_rows,
                                        layer->bias_rows, layer->means,   layer->scales};
        for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
            free((void *)arrays[i]);
    }
}

typedef struct {
    const wb_hidden_game *hidden;
    const wb_head *head;
    const wb_walks *walks;
    const wb_linked_game *linked;
    const wb_visits *visits;
    const wb_trees *trees;
    const wb_dealt *dealt;
} walk_question;

enum { HIDDEN, HEADS, LINKED, SHARES, DEALT };

static int32_t ask_walk(int primitive, int32_t level, const walk_question *q, double *answer)
{
    switch (primitive) {
    case HIDDEN: return wb_hidden_walks(level, q->hidden, q->walks, answer);
    case HEADS: return wb_heads(level, q->head, q->walks, answer);
    case LINKED: return wb_linked_walks(level, q->linked, q->visits, answer);
    case SHARES: return wb_control_shares(level, q->linked, answer);
    default: return wb_dealt_margins(level, q->trees, q->dealt, answer);
    }
}

static void ask_levels(int primitive, const walk_question *q, int64_t size)
{
    const int32_t n_levels = wb_best_level() + 1;
    double *answers[8] = {0};
    int is_answered = 1;
    for (int32_t level = 0; level < n_levels; level++) {
        answers[level] = room(size, sizeof(double));
        is_answered = counted(ask_walk(primitive, level, q, answers[level])) == WB_OK && is_answered;
    }
    if (is_answered)
        compare(answers, n_levels, size);
    for (int32_t level = 0; level < n_levels; level++)
        free(answers[level]);
    double nothing;
    counted(ask_walk(primitive, n_levels, q, &nothing));
}

/* Overwrite one of some positions, in one call of four where calls may be unsound. */
static void break_places(int64_t *places, int64_t n, int64_t end, int is_sound)
{
    if (!is_sound && n > 0 && chance(25))
        places[below(n)] = draw_place(end);
}

/* Walks of groups in memory of their own, and how many pairs they give. */
typedef struct {
    wb_walks walks;
    int64_t n_pairs;
} drawn_walks;

static drawn_walks draw_walks(int64_t p, int64_t n_rows, int64_t n_background, int is_sound)
{
    wb_walks walks = {.n_groups = below(3), .n_shared = below(3), .n_walks = below(4)};
    const int64_t n_shared = walks.n_groups * walks.n_shared, n_walked = walks.n_groups * walks.n_walks;
    int64_t *rows = draw_places(n_shared, n_rows), *others = draw_places(n_walked, n_background);
    int64_t *orders = draw_orders(n_walked, p);
    break_places(rows, n_shared, n_rows, is_sound);
    break_places(others, n_walked, n_background, is_sound);
    break_places(orders, n_walked * p, p, is_sound);
    walks.rows = rows, walks.backgrounds = others, walks.orders = orders;
    return (drawn_walks){walks, n_shared * walks.n_walks};
}

static void drop_walks(const drawn_walks *drawn)
{
    free((void *)drawn->walks.rows);
    free((void *)drawn->walks.backgrounds);
    free((void *)drawn->walks.orders);
}

/* Trees whose last sources are hidden columns, each a player of its own behind those of the own columns. */
static void ask_hidden(layout *made, int is_sound)
{
    const drawn_layers layers = draw_layers(below(MOST_LAYERS + 1));
    const int64_t n_own = made->real.n_sources - layers.n_hidden, p = 1 + (chance(4) ? below(80) : below(6));
    const int64_t n_rows = 1 + below(3), n_background = 1 + below(3);
    wb_leaves *leaves = NULL;
    int64_t *players = room(made->real.n_columns, sizeof(int64_t));
    for (int64_t column = 0; n_own >= 0 && column < made->real.n_columns; column++) {
        const int64_t source = made->source[column];
        players[column] = source >= n_own && source < made->real.n_sources ? p + source - n_own : below(p);
    }
    if (n_own >= 0 && counted(wb_trace(&made->trees, players, p + layers.n_hidden, &leaves)) == WB_OK) {
        const drawn_walks drawn = draw_walks(p, n_rows, n_background, is_sound);
        double *tables[] = {draw_rows(n_rows, n_own), draw_rows(n_background, n_own)};
        double *parts[] = {draw_numbers(n_rows * layers.n_sums * p), draw_numbers(n_background * layers.n_sums * p)};
        wb_hidden_game game = {leaves, layers.layers, n_own, p, layers.n_layers, layers.n_sums, n_rows, n_background,
                               tables[0], tables[1], parts[0], parts[1]};
        if (!is_sound && chance(10))
            game.n_players = draw_place(p) < p ? draw_place(p) : 0;
        if (!is_sound && chance(10))
            game.n_sums = draw_place(layers.n_sums);
        const walk_question q = {.hidden = &game, .walks = &drawn.walks};
        ask_levels(HIDDEN, &q, drawn.n_pairs * p * leaves->n_margins);
        drop_walks(&drawn);
        void *const spent[] = {tables[0], tables[1], parts[0], parts[1]};
        for (size_t i = 0; i < sizeof spent / sizeof spent[0]; i++)
            free(spent[i]);
    }
    wb_release(leaves);
    free(players);
    drop_layers(&layers);
}

/* Linear models behind hidden columns, or on own sums alone. */
static void ask_heads(int is_sound)
{
    const drawn_layers layers = draw_layers(below(MOST_LAYERS + 1));
    const int64_t n_before = layers.n_layers > 1 ? layers.layers[layers.n_layers - 1].n_before : 0;
    const int64_t n_hidden = layers.n_layers ? layers.layers[layers.n_layers - 1].n_hidden : 0;
    const int64_t p = 1 + (chance(4) ? below(80) : below(6)), link = below(4);
    const int64_t n_outputs = link == WB_LOGISTIC ? 1 : 1 + below(3);
    const int64_t n_own_sums = layers.n_layers && chance(50) ? 0 : n_outputs, n_sums = layers.n_sums + n_own_sums;
    const int64_t n_rows = 1 + below(3), n_background = 1 + below(3);
    const drawn_walks drawn = draw_walks(p, n_rows, n_background, is_sound);
    double *numbers[] = {draw_numbers(n_rows * n_sums * p), draw_numbers(n_background * n_sums * p),
                         draw_numbers(n_own_sums),          draw_numbers(2 * n_outputs),
                         draw_numbers(n_outputs * n_hidden), draw_numbers(n_outputs * n_before)};
    wb_head head = {layers.layers, p,          layers.n_layers, n_sums,     n_outputs,  n_rows,     n_background,
                           n_own_sums,    link,       numbers[0],      numbers[1], numbers[2], numbers[3], numbers[4],
                           numbers[5]};
    if (!is_sound && chance(10)) /* only downwards: the parts of so many players must be there */
        head.n_players = below(p + 1) - 1;
    if (!is_sound && chance(10))
        head.n_sums = draw_place(n_sums);
    else if (!is_sound && chance(10)) /* not both: together they might fit each other, beyond what is there */
        head.n_own_sums = draw_place(n_outputs + 1);
    if (!is_sound && chance(10))
        head.n_outputs = chance(50) ? -1 : 0;
    if (!is_sound && chance(10))
        head.link = draw_place(4);
    const walk_question q = {.head = &head, .walks = &drawn.walks};
    ask_levels(HEADS, &q, drawn.n_pairs * p * n_outputs);
    drop_walks(&drawn);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        free(numbers[i]);
    drop_layers(&layers);
}

static int64_t *draw_starts(int64_t n_groups, int64_t most, int is_sound)
{
    int64_t *starts = room(n_groups + 1, sizeof(int64_t));
    for (int64_t group = 0; group < n_groups; group++)
        starts[group + 1] = starts[group] + below(most + 1);
    if (!is_sound && chance(10)) /* only downwards: what lies behind must be there */
        starts[below(n_groups + 1)] -= 1 + below(3);
    return starts;
}

static void ask_linked(const layout *made, const wb_leaves *leaves, int is_sound)
{
    const int64_t p = leaves->n_players, m = leaves->n_margins, link = below(3), o = link ? m : 1;
    const int64_t n_rows = 1 + below(4), n_background = 1 + below(4), n_groups = below(3);
    int64_t *first_row = draw_starts(n_groups, chance(10) ? 20 : 4, 1), *first_visit = draw_starts(n_groups, 3, 1);
    const int64_t n_walked = first_row[n_groups], n_visits = first_visit[n_groups];
    int64_t *rows = draw_places(n_walked, n_rows), *others = draw_places(n_visits, n_background);
    int64_t *orders = draw_orders(2 * n_visits, p);
    double *weights = room(n_visits, sizeof(double)), *spreads = room(n_visits, sizeof(double));
    for (int64_t visit = 0; visit < n_visits; visit++) {
        weights[visit] = (double)below(3) / 4.0;
        spreads[visit] = (double)below(3) / 2.0;
    }
    break_places(rows, n_walked, n_rows, is_sound);
    break_places(others, n_visits, n_background, is_sound);
    break_places(orders, 2 * n_visits * p, p, is_sound);
    if (!is_sound && chance(8))
        first_visit[below(n_groups + 1)] -= 1 + below(2);
    if (!is_sound && chance(8))
        first_row[below(n_groups + 1)] -= 1 + below(2);
    double *tables[] = {draw_rows(n_rows, leaves->n_sources), draw_rows(n_background, leaves->n_sources),
                        draw_numbers(n_background * m), draw_numbers(n_background * o), draw_numbers(n_rows * o * p),
                        draw_numbers(n_background * o * p), draw_numbers(n_background * o),
                        draw_numbers(o * WB_CONTROL), draw_numbers(n_background)};
    wb_linked_game game = {leaves, p, n_rows, n_background, o, link, tables[0], tables[1], tables[2],
                           tables[3], tables[4], tables[5], tables[6], tables[7], tables[8]};
    if (!is_sound && chance(8))
        game.link = draw_place(3);
    if (!is_sound && chance(8))
        game.n_outputs = chance(50) ? -1 : 0;
    const wb_visits visits = {n_groups, first_row, rows, first_visit, others, weights, spreads, orders};
    const walk_question q = {.linked = &game, .visits = &visits};
    ask_levels(LINKED, &q, n_walked * WB_SUMS * p * o);
    ask_levels(SHARES, &q, n_rows * p * o);
    void *const spent[] = {first_row, first_visit, rows, others, orders, weights, spreads};
    for (size_t i = 0; i < sizeof spent / sizeof spent[0]; i++)
        free(spent[i]);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        free(tables[i]);
    (void)made;
}

static void ask_dealt(const layout *made, int is_sound)
{
    const drawn_layers layers = draw_layers(below(MOST_LAYERS + 1));
    const int64_t n_own = made->real.n_sources - layers.n_hidden, n_groups = below(4), n_repeats = below(3);
    const int64_t n_rows = chance(5) ? 60 + below(80) : 1 + below(4);
    if (n_own >= 0) {
        int64_t *first = draw_starts(n_groups, n_own ? 2 : 0, 1), *members = draw_places(first[n_groups], n_own);
        int64_t *deals = draw_places(n_repeats * n_rows, n_rows);
        break_places(members, first[n_groups], n_own, is_sound);
        break_places(deals, n_repeats * n_rows, n_rows, is_sound);
        if (!is_sound && chance(8))
            first[below(n_groups + 1)] -= 1 + below(2);
        double *rows = draw_rows(n_rows, n_own), *sums = draw_numbers(n_rows * layers.n_sums);
        double *parts = draw_numbers(n_groups * n_rows * layers.n_sums);
        wb_dealt dealt = {layers.layers, n_rows, n_own, n_groups, n_repeats, layers.n_layers, layers.n_sums,
                          rows, deals, first, members, sums, parts};
        if (!is_sound && chance(8))
            dealt.n_own = draw_place(n_own);
        const walk_question q = {.trees = &made->trees, .dealt = &dealt};
        ask_levels(DEALT, &q, n_groups * n_repeats * n_rows * (made->real.n_margins > 0 ? made->real.n_margins : 0));
        void *const spent[] = {first, members, deals, rows, sums, parts};
        for (size_t i = 0; i < sizeof spent / sizeof spent[0]; i++)
            free(spent[i]);
    }
    drop_layers(&layers);
}

#endif
