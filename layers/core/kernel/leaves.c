/* The way from trees to leaves: walk down once, keep the interval of every tested column, copy it at each leaf.
 *
 *      node 0 x1 <= 0.5 ── right ──▶ node 2 x0 <= 7.0 ── left ──▶ leaf 3
 *      open tests:  x1 (0.5, -]            x0 (-, 7.0]  x1 (0.5, -]       sorted by player and column
 */
#include "leaves.h"

#include <stdlib.h>
#include <string.h>

#define WB_EXPORT __attribute__((visibility("default")))

/* An open test: cells low < cell <= high of a column meet it, and missing ones where both bits are set. */
typedef struct {
    int64_t low, high;
    int32_t column, player;
    uint8_t missing;
} wb_open;

/* A step down: where it is, which side comes next, and what to put back on the way up. */
typedef struct {
    int64_t node;
    wb_open before;
    double ratio;
    int64_t place;
    int8_t side;
    uint8_t is_new;
} wb_step;

typedef struct {
    const wb_trees *trees;
    const int64_t *players;
    wb_leaves *leaves;
    int64_t *cell; /* n_nodes, place of a threshold among its column's cuts */
    double *ratio; /* n_players */
    wb_open *open; /* tests on the way to where we are */
    int64_t n_open, open_room;
    wb_step *steps;
    int64_t depth, step_room;
    int64_t tree, last_node; /* where we are, and the node of the leaf that was added last */
    int64_t leaf_room, condition_room, test_room, value_room;
} wb_walk;

/* Make room for `count` items of `size`; what is already there stays. */
static int grow(void *pointer, int64_t *room, int64_t count, size_t size)
{
    if (count <= *room)
        return 1;
    const int64_t wanted = count > 2 * *room ? count + 16 : 2 * *room;
    void **slot = pointer, *larger = realloc(*slot, (size_t)wanted * size);
    if (!larger)
        return 0;
    *slot = larger;
    *room = wanted;
    return 1;
}

/* Narrow the interval of the node's column to one side of it, and remember what was there. */
static int open_test(wb_walk *walk, wb_step *step)
{
    const wb_trees *trees = walk->trees;
    const int64_t node = step->node, child = step->side ? trees->right[node] : trees->left[node];
    const int32_t column = (int32_t)trees->column[node], player = (int32_t)walk->players[column];
    const int is_left = step->side == 0;
    int64_t place = 0;
    while (place < walk->n_open &&
           (walk->open[place].player < player ||
            (walk->open[place].player == player && walk->open[place].column < column)))
        place++;
    step->place = place;
    step->is_new = place == walk->n_open || walk->open[place].column != column;
    if (step->is_new) {
        if (!grow(&walk->open, &walk->open_room, walk->n_open + 1, sizeof *walk->open))
            return 0;
        memmove(walk->open + place + 1, walk->open + place,
                (size_t)(walk->n_open - place) * sizeof *walk->open);
        walk->open[place] = (wb_open){-1, INT64_MAX, column, player, 1};
        walk->n_open++;
    }
    wb_open *open = walk->open + place;
    step->before = *open;
    step->ratio = walk->ratio[player];
    if (is_left && walk->cell[node] < open->high)
        open->high = walk->cell[node];
    if (!is_left && walk->cell[node] > open->low)
        open->low = walk->cell[node];
    open->missing = open->missing && (trees->missing_left[node] != 0) == is_left;
    const double weight = trees->cover[trees->left[node]] + trees->cover[trees->right[node]];
    walk->ratio[player] *= weight > 0.0 ? trees->cover[child] / weight : 0.0;
    return 1;
}

static void close_test(wb_walk *walk, const wb_step *step)
{
    walk->ratio[step->before.player] = step->ratio;
    walk->open[step->place] = step->before;
    if (step->is_new) {
        walk->n_open--;
        memmove(walk->open + step->place, walk->open + step->place + 1,
                (size_t)(walk->n_open - step->place) * sizeof *walk->open);
    }
}

static wb_test close_interval(const wb_leaves *leaves, const wb_open *open)
{
    const int64_t n_cuts = leaves->cut_first[open->column + 1] - leaves->cut_first[open->column];
    const int64_t high = open->high < n_cuts ? open->high : n_cuts;
    if (high <= open->low) /* no cell is n_cuts + 1: a test that nothing but a missing value can meet */
        return (wb_test){open->column, (uint32_t)(n_cuts + 1), 0, open->missing};
    return (wb_test){open->column, (uint32_t)(open->low + 1), (uint32_t)(high - open->low - 1),
                     open->missing};
}

/* Mark the leaf that was just added and its sibling, if that was added before it and has a value of the same margin. */
static void pair_siblings(wb_walk *walk, int64_t node)
{
    const wb_step *parent = walk->steps + walk->depth - 2;
    wb_leaf *leaf = walk->leaves->leaves + walk->leaves->n_leaves - 1;
    const int64_t sibling = walk->trees->left[parent->node];
    if (sibling == walk->last_node && sibling != node && leaf->margin >= 0 &&
        leaf[-1].margin == leaf->margin) {
        const int32_t player = (int32_t)walk->players[walk->trees->column[parent->node]];
        const wb_condition *conditions = walk->leaves->conditions + leaf->first;
        while (conditions[leaf->split].player != player)
            leaf->split++;
        leaf[-1].split = leaf->split;
        leaf[-1].pair = 1;
        leaf->pair = 2;
    }
    walk->last_node = node;
}

/* Copy the open tests as the conditions of a leaf, unless it adds nothing anywhere. */
static int add_leaf(wb_walk *walk, int64_t node)
{
    wb_leaves *leaves = walk->leaves;
    const int64_t n_margins = leaves->n_margins;
    const double *values = walk->trees->values + node * n_margins;
    int64_t n_values = 0, only = -1;
    for (int64_t margin = 0; margin < n_margins; margin++)
        if (values[margin] != 0.0) {
            n_values++;
            only = margin;
        }
    if (!n_values || !walk->n_open)
        return 1;
    if (!grow(&leaves->leaves, &walk->leaf_room, leaves->n_leaves + 1, sizeof *leaves->leaves) ||
        !grow(&leaves->conditions, &walk->condition_room, leaves->n_conditions + walk->n_open,
              sizeof *leaves->conditions) ||
        !grow(&leaves->tests, &walk->test_room, leaves->n_tests + walk->n_open, sizeof *leaves->tests) ||
        !grow(&leaves->values, &walk->value_room, leaves->n_values + n_margins, sizeof *leaves->values))
        return 0;
    wb_leaf *leaf = leaves->leaves + leaves->n_leaves++;
    *leaf = (wb_leaf){.first = leaves->n_conditions,
                      .values = leaves->n_values,
                      .margin = n_values == 1 ? (int32_t)only : -1,
                      .tree = (int32_t)walk->tree,
                      .place = (int32_t)(leaves->n_leaves - 1)};
    memcpy(leaves->values + leaves->n_values, values, (size_t)n_margins * sizeof *values);
    leaves->n_values += n_margins;
    for (int64_t i = 0; i < walk->n_open; i++) {
        const wb_open *open = walk->open + i;
        if (i == 0 || open->player != open[-1].player) {
            leaves->conditions[leaves->n_conditions++] =
                (wb_condition){walk->ratio[open->player], leaves->n_tests, 0, open->player};
            leaf->k++;
        }
        leaves->conditions[leaves->n_conditions - 1].n_tests++;
        leaves->tests[leaves->n_tests++] = close_interval(leaves, open);
    }
    if (leaf->k > leaves->max_conditions)
        leaves->max_conditions = leaf->k;
    pair_siblings(walk, node);
    return 1;
}

static int walk_tree(wb_walk *walk, int64_t root)
{
    const wb_trees *trees = walk->trees;
    if (!grow(&walk->steps, &walk->step_room, 1, sizeof *walk->steps))
        return 0;
    walk->steps[0] = (wb_step){.node = root};
    walk->depth = 1;
    while (walk->depth) {
        wb_step *step = walk->steps + walk->depth - 1;
        const int is_leaf = trees->left[step->node] < 0;
        if (is_leaf && !add_leaf(walk, step->node))
            return 0;
        if (is_leaf || step->side == 2) {
            if (--walk->depth) {
                close_test(walk, step - 1);
                step[-1].side++;
            }
            continue;
        }
        if (!open_test(walk, step))
            return 0;
        const int64_t child = step->side ? trees->right[step->node] : trees->left[step->node];
        if (!grow(&walk->steps, &walk->step_room, walk->depth + 1, sizeof *walk->steps))
            return 0;
        walk->steps[walk->depth++] = (wb_step){.node = child};
    }
    return 1;
}

static int trace_all(wb_walk *walk)
{
    const wb_trees *trees = walk->trees;
    walk->cell = malloc(((size_t)trees->n_nodes + 1) * sizeof *walk->cell);
    walk->ratio = malloc(((size_t)walk->leaves->n_players + 1) * sizeof *walk->ratio);
    int is_well = walk->cell && walk->ratio;
    for (int64_t player = 0; is_well && player < walk->leaves->n_players; player++)
        walk->ratio[player] = 1.0;
    is_well =
        is_well && wb_copy_columns(trees, walk->leaves) && wb_cut_columns(trees, walk->leaves, walk->cell);
    for (; is_well && walk->tree < trees->n_trees; walk->tree++)
        is_well = walk_tree(walk, trees->roots[walk->tree]);
    return is_well && wb_sort_leaves(walk->leaves) && wb_make_quadratures(walk->leaves);
}

WB_EXPORT int32_t wb_trace(const wb_trees *trees, const int64_t *players, int64_t n_players,
                           wb_leaves **leaves)
{
    *leaves = NULL;
    const int32_t status = wb_check_trees(trees);
    if (status != WB_OK)
        return status;
    /* sums of a tile are counted in 64 bits: players x margins x rows x bytes must fit */
    if (n_players < 0 || n_players > INT32_MAX || n_players > ((int64_t)1 << 40) / trees->n_margins)
        return WB_BAD_COUNT;
    for (int64_t column = 0; column < trees->n_columns; column++)
        if (players[column] < 0 || players[column] >= n_players)
            return WB_BAD_COLUMN;
    wb_walk walk = {
        .trees = trees, .players = players, .last_node = -1, .leaves = calloc(1, sizeof(wb_leaves))};
    if (!walk.leaves)
        return WB_NO_MEMORY;
    walk.leaves->n_players = n_players;
    walk.leaves->n_columns = trees->n_columns;
    walk.leaves->n_sources = trees->n_sources;
    walk.leaves->n_margins = trees->n_margins;
    walk.leaves->n_members = trees->n_members;
    const int is_traced = trace_all(&walk);
    void *const spent[] = {walk.cell, walk.ratio, walk.open, walk.steps};
    for (size_t i = 0; i < sizeof spent / sizeof spent[0]; i++)
        free(spent[i]);
    if (!is_traced) {
        wb_release(walk.leaves);
        return WB_NO_MEMORY;
    }
    *leaves = walk.leaves;
    return WB_OK;
}
