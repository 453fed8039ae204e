/* Calls of the kernel on layouts drawn from a seed, sound ones and broken ones; built with sanitizers by
 * kernel_calls.py, and without them for another processor, to compare what both compute.
 *
 * usage: kernel_calls SEED LAYOUTS [sound]     prints: calls, refused, digest of all finite answers, differences
 *
 * Every array has exactly the length that the counts say, in memory of its own, so that an address sanitizer
 * sees one step beyond. Broken layouts are sound ones with a few fields overwritten, or cut short.
 */
#include "kernel.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_NODES 2048
#define MOST_DEPTH 9

static uint64_t state;

/* splitmix64, https://doi.org/10.1145/2714064.2660195 */
static uint64_t next(void)
{
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static int64_t below(int64_t n) { return n > 0 ? (int64_t)(next() % (uint64_t)n) : 0; }

static int chance(int percent) { return below(100) < percent; }

static uint64_t n_calls, n_refused, n_differences, digest = 0xcbf29ce484222325u;

static int32_t counted(int32_t status)
{
    n_calls++;
    n_refused += status != WB_OK;
    return status;
}

/* The layout at hand: arrays in memory of their own, of the length that the counts say. */
typedef struct {
    wb_trees trees;
    wb_trees real; /* with the counts that the arrays have, whatever `trees` says */
    int64_t *roots, *left, *right, *column, *source, *member_first, *members, *players;
    double *threshold, *cover, *values, *base;
    uint8_t *missing_left, *rules;
    int64_t n_players, real_players;
} layout;

static double draw_number(void)
{
    static const double strange[] = {NAN, INFINITY, -INFINITY, 1e300, -1e300, 1e-36, -0.0, 0.0};
    return chance(8) ? strange[below(8)] : (double)below(40) / 10.0 - 0.5;
}

static void *room(int64_t n, size_t size)
{
    void *made = calloc((size_t)(n > 0 ? n : 0) + (n > 0 ? 0 : 1), size);
    if (!made)
        exit(3);
    return made;
}

static int64_t grow(layout *made, int64_t *n_nodes, int64_t depth, double cover, int is_comb)
{
    const int64_t node = (*n_nodes)++;
    const int is_leaf = depth == 0 || *n_nodes + 4 > MOST_NODES || (!is_comb && chance(20));
    made->left[node] = made->right[node] = -1;
    made->cover[node] = cover;
    for (int64_t margin = 0; margin < made->trees.n_margins; margin++)
        made->values[node * made->trees.n_margins + margin] =
            is_leaf && chance(85) ? (double)below(200) / 16.0 - 6.0 : 0.0;
    if (is_leaf)
        return node;
    const double share = (double)below(5) / 4.0;
    made->column[node] = is_comb ? depth % made->trees.n_columns : below(made->trees.n_columns);
    made->threshold[node] = (double)below(40) / 10.0 - 0.5;
    made->missing_left[node] = (uint8_t)chance(50);
    made->left[node] = grow(made, n_nodes, is_comb ? 0 : depth - 1, cover * share, is_comb);
    made->right[node] = grow(made, n_nodes, depth - 1, cover * (1.0 - share), is_comb);
    return node;
}

static void point(layout *made)
{
    wb_trees *t = &made->trees;
    t->roots = made->roots, t->left = made->left, t->right = made->right, t->column = made->column;
    t->threshold = made->threshold, t->missing_left = made->missing_left, t->cover = made->cover;
    t->values = made->values, t->base = made->base, t->source = made->source, t->rules = made->rules;
    t->member_first = made->member_first, t->members = made->members;
}

/* Give an array the length that its count says now; what is beyond is gone. */
static void *cut(void *array, int64_t n, size_t size)
{
    void *made = room(n, size);
    if (n > 0)
        memcpy(made, array, (size_t)n * size);
    free(array);
    return made;
}

static void fit_nodes(layout *made)
{
    const int64_t n = made->real.n_nodes;
    made->left = cut(made->left, n, sizeof(int64_t)), made->right = cut(made->right, n, sizeof(int64_t));
    made->column = cut(made->column, n, sizeof(int64_t)),
    made->threshold = cut(made->threshold, n, sizeof(double));
    made->missing_left = cut(made->missing_left, n, 1), made->cover = cut(made->cover, n, sizeof(double));
    made->values = cut(made->values, n * made->real.n_margins, sizeof(double));
}

static void draw_layout(layout *made)
{
    memset(made, 0, sizeof *made);
    wb_trees *t = &made->trees;
    const int is_comb = chance(3);
    t->n_margins = chance(70) ? 1 : 1 + below(3);
    t->n_sources = 1 + below(7);
    t->n_columns = is_comb ? 1 + below(80) : t->n_sources + below(3);
    t->n_trees = below(4);
    made->n_players = made->real_players = is_comb ? t->n_columns : 1 + below(6);
    made->roots = room(t->n_trees, sizeof(int64_t)), made->base = room(t->n_margins, sizeof(double));
    made->left = room(MOST_NODES, sizeof(int64_t)), made->right = room(MOST_NODES, sizeof(int64_t));
    made->column = room(MOST_NODES, sizeof(int64_t)), made->threshold = room(MOST_NODES, sizeof(double));
    made->missing_left = room(MOST_NODES, 1), made->cover = room(MOST_NODES, sizeof(double));
    made->values = room(MOST_NODES * t->n_margins, sizeof(double));
    made->source = room(t->n_columns, sizeof(int64_t)), made->rules = room(t->n_columns, 1);
    made->member_first = room(t->n_columns + 1, sizeof(int64_t)),
    made->players = room(t->n_columns, sizeof(int64_t));
    for (int64_t tree = 0; tree < t->n_trees; tree++)
        made->roots[tree] =
            grow(made, &t->n_nodes, is_comb ? t->n_columns : below(MOST_DEPTH), 64.0, is_comb);
    made->real = *t;
    fit_nodes(made);
    for (int64_t column = 0; column < t->n_columns; column++) {
        made->source[column] = column < t->n_sources ? column : below(t->n_sources);
        made->players[column] = is_comb ? column : below(made->n_players);
        made->rules[column] = (uint8_t)(chance(60) ? WB_NARROW : below(32));
        made->member_first[column + 1] =
            made->member_first[column] + (made->rules[column] & WB_CATEGORIES ? below(4) : 0);
    }
    t->n_members = made->member_first[t->n_columns];
    made->members = room(t->n_members, sizeof(int64_t));
    for (int64_t column = 0; column < t->n_columns; column++)
        for (int64_t i = made->member_first[column]; i < made->member_first[column + 1]; i++)
            made->members[i] = i - made->member_first[column] + below(2);
    for (int64_t margin = 0; margin < t->n_margins; margin++)
        made->base[margin] = (double)below(8) / 4.0;
    made->real = *t;
    point(made);
}

static int64_t draw_place(int64_t n)
{
    const int64_t strange[] = {-1, -2, n, n + 1, 0, n - 1, INT64_MAX, INT64_MIN, INT32_MAX, below(n + 2)};
    return strange[below(10)];
}

/* Overwrite one field, or cut the layout short. */
static void break_layout(layout *made)
{
    wb_trees *t = &made->trees, *r = &made->real;
    const int64_t node = below(r->n_nodes), column = below(r->n_columns);
    switch (below(14)) {
    case 0:
        if (r->n_nodes)
            made->left[node] = draw_place(r->n_nodes);
        break;
    case 1:
        if (r->n_nodes)
            made->right[node] = draw_place(r->n_nodes);
        break;
    case 2:
        if (r->n_nodes)
            made->left[node] = below(node + 1);
        break; /* its own ancestor, often */
    case 3:
        if (r->n_nodes)
            made->column[node] = draw_place(r->n_columns);
        break;
    case 4:
        if (r->n_trees)
            made->roots[below(r->n_trees)] = draw_place(r->n_nodes);
        break;
    case 5: made->source[column] = draw_place(r->n_sources); break;
    case 6: made->players[column] = draw_place(made->real_players); break;
    case 7: made->member_first[below(r->n_columns + 1)] = draw_place(r->n_members); break;
    case 8:
        if (r->n_nodes)
            made->threshold[node] = draw_number();
        break;
    case 9:
        if (r->n_nodes)
            made->cover[node] = chance(50) ? draw_number() : -1.0;
        break;
    case 10:
        if (r->n_nodes)
            made->values[below(r->n_nodes * r->n_margins)] = draw_number();
        break;
    case 11:
        t->n_nodes = r->n_nodes = below(r->n_nodes + 1);
        fit_nodes(made);
        break; /* truncated */
    case 12: made->rules[column] = (uint8_t)next(); break;
    default: {
        int64_t *const counts[] = {&t->n_trees,   &t->n_sources, &t->n_columns,
                                   &t->n_margins, &t->n_members, &made->n_players};
        int64_t *count = counts[below(6)];
        const int64_t strange[] = {-1, 0, INT64_MIN, INT64_MAX, (int64_t)INT32_MAX + 1};
        *count = strange[below(
            5)]; /* no count may promise more than the arrays have: these are refused, or none */
        break;
    }
    }
    point(made);
}

static void drop(layout *made)
{
    void *const arrays[] = {made->roots,        made->left,         made->right,   made->column,
                            made->source,       made->member_first, made->members, made->players,
                            made->threshold,    made->cover,        made->values,  made->base,
                            made->missing_left, made->rules};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
        free(arrays[i]);
}

static double *draw_rows(int64_t n_rows, int64_t n_sources)
{
    double *rows = room(n_rows * n_sources, sizeof(double));
    for (int64_t i = 0; i < n_rows * n_sources; i++)
        rows[i] = draw_number();
    return rows;
}

/* Hold the answers of all levels against each other, and take them into the digest if they are numbers. */
static void compare(double *const *answers, int32_t n_levels, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(answers[0][i]))
            return;
    for (int32_t level = 1; level < n_levels; level++)
        n_differences += memcmp(answers[0], answers[level], (size_t)n * sizeof(double)) != 0;
    for (int64_t i = 0; i < n; i++) {
        uint64_t bits;
        const double answer = answers[0][i] + 0.0; /* no -0 */
        memcpy(&bits, &answer, sizeof bits);
        digest = (digest ^ bits) * 0x100000001b3u; /* FNV-1a, by words */
    }
}

enum { MARGINS, PATHS, AGAINST, PAIRS, N_PRIMITIVES };

typedef struct {
    const layout *made;
    const wb_leaves *leaves;
    const wb_background *background;
    const int64_t *pairs;
    int64_t n_pairs, n_rows;
    const double *rows;
} question;

static int32_t ask(int primitive, int32_t level, const question *q, double *answer)
{
    switch (primitive) {
    case MARGINS: return wb_margins(&q->made->trees, q->rows, q->n_rows, answer);
    case PATHS: return wb_path_dependent(level, q->leaves, q->rows, q->n_rows, answer);
    case AGAINST:
        return wb_interventional(level, q->leaves, q->background, q->rows, q->n_rows, q->n_rows, answer);
    default:
        return wb_interactions(level, q->leaves, q->background, q->pairs, q->n_pairs, q->rows, q->n_rows,
                               q->n_rows, answer);
    }
}

static void ask_all(const question *q)
{
    const int32_t n_levels = wb_best_level() + 1;
    const int64_t n_margins = q->leaves->n_margins, n_players = q->leaves->n_players;
    const int64_t sizes[N_PRIMITIVES] = {q->n_rows * n_margins, q->n_rows * n_players * n_margins,
                                         q->n_rows * n_players * n_margins,
                                         q->n_pairs * q->n_rows * n_margins};
    for (int primitive = 0; primitive < N_PRIMITIVES; primitive++) {
        double *answers[8] = {0};
        int is_answered = 1;
        for (int32_t level = 0; level < n_levels; level++) {
            answers[level] = room(sizes[primitive], sizeof(double));
            is_answered = counted(ask(primitive, level, q, answers[level])) == WB_OK && is_answered;
        }
        if (is_answered)
            compare(answers, n_levels, sizes[primitive]);
        for (int32_t level = 0; level < n_levels; level++)
            free(answers[level]);
    }
    double nothing;
    counted(wb_margins(&q->made->trees, q->rows, -1, &nothing));
    counted(wb_path_dependent(99, q->leaves, q->rows, q->n_rows, &nothing));
    counted(wb_path_dependent(-1, q->leaves, q->rows, q->n_rows, &nothing));
    counted(wb_interventional(0, q->leaves, q->background, q->rows, -1, 1, &nothing));
}

/* Pairs of the leaves, or any numbers in order. */
static int64_t *draw_pairs(const wb_leaves *leaves, int64_t *n_pairs)
{
    const int64_t n = leaves->n_players;
    uint8_t *marks = room(n * n, 1);
    int64_t *pairs = room(2 * n * n, sizeof(int64_t));
    wb_mark_pairs(leaves, marks);
    n_calls++;
    *n_pairs = 0;
    for (int64_t i = 0; i < n * n; i++)
        if (marks[i] ? chance(95) : chance(2)) {
            pairs[2 * *n_pairs] = i / n;
            pairs[2 * (*n_pairs)++ + 1] = i % n;
        }
    free(marks);
    return pairs;
}

#include "walk_calls.h"

static void question_layout(layout *made, int is_sound)
{
    wb_leaves *leaves;
    counted(wb_check_trees(&made->trees));
    ask_hidden(made, is_sound);
    ask_heads(is_sound);
    ask_dealt(made, is_sound);
    if (counted(wb_trace(&made->trees, made->players, made->n_players, &leaves)) != WB_OK)
        return;
    double *means = room(leaves->n_margins, sizeof(double));
    wb_cover_means(leaves, means);
    n_calls++;
    free(means);
    question q = {.made = made, .leaves = leaves, .n_rows = chance(4) ? 200 + below(200) : below(12)};
    const int64_t n_background = chance(5) ? 250 + below(20) : below(12);
    double *rows = draw_rows(q.n_rows, leaves->n_sources),
           *others = draw_rows(n_background, leaves->n_sources);
    double *weights = room(n_background, sizeof(double));
    for (int64_t row = 0; row < n_background; row++)
        weights[row] = (double)(1 + below(3));
    q.rows = rows;
    wb_background *background;
    int64_t *pairs = draw_pairs(leaves, &q.n_pairs);
    q.pairs = pairs;
    if (counted(wb_open_background(leaves, others, weights, n_background, &background)) == WB_OK) {
        q.background = background;
        ask_all(&q);
        wb_close_background(background);
    }
    ask_linked(made, leaves, is_sound);
    free(pairs);
    free(weights);
    free(others);
    free(rows);
    wb_release(leaves);
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    state = strtoull(argv[1], NULL, 10);
    const uint64_t n_layouts = strtoull(argv[2], NULL, 10);
    const int is_sound = argc > 3 && strcmp(argv[3], "sound") == 0;
    for (uint64_t i = 0; i < n_layouts; i++) {
        layout made;
        draw_layout(&made);
        if (!is_sound)
            for (int64_t n_broken = below(4); n_broken > 0; n_broken--)
                break_layout(&made);
        question_layout(&made, is_sound);
        drop(&made);
    }
    printf("%" PRIu64 " %" PRIu64 " %016" PRIx64 " %" PRIu64 "\n", n_calls, n_refused, digest, n_differences);
    return 0;
}
