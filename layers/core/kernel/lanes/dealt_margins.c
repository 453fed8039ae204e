/* Dealt margins: 64 rows at a time, and only the trees that a dealt column can change. */
#include "../columns.h"
#include "../dealt.h"
#include "../planed.h"

#include "hidden_columns.h"
#include "walk_levels.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    wb_planed trees;
    int64_t n_columns, n_hidden;
    int64_t *first_node, *nodes; /* inner nodes by column: (columns + 1), (inner) */
    int64_t *tree_of;            /* (inner) */
    uint8_t *is_hidden;          /* trees with a hidden column */
    uint8_t *is_touched;         /* trees that the present group can change */
    double *own;                 /* (own columns, 64), as they are in the table */
    double *columns;             /* (columns, 64), as the trees compare them */
    uint64_t *planes, *dealt_planes; /* (inner) */
    uint64_t *slots, *dealt_slots;   /* (slots) */
    uint64_t *reached;           /* (nodes of a tree) */
    double *sums, *hidden;       /* (n_sums, 64), (hidden columns, 64) */
    double *worth;               /* (slots), of one margin */
    double *totals;              /* (64) */
    const wb_trees *read;        /* how columns are read */
} scratch;

static int make_room(scratch *room, const wb_trees *trees, const wb_dealt *dealt)
{
    const size_t n_inner = (size_t)room->trees.n_inner + 1, n_slots = (size_t)room->trees.n_slots + 1;
    const size_t n_columns = (size_t)trees->n_columns + 1, n_trees = (size_t)trees->n_trees + 1;
    room->first_node = calloc(n_columns + 1, sizeof *room->first_node);
    room->nodes = malloc(n_inner * sizeof *room->nodes);
    room->tree_of = malloc(n_inner * sizeof *room->tree_of);
    room->is_hidden = calloc(n_trees, 1);
    room->is_touched = malloc(n_trees);
    room->own = malloc(((size_t)dealt->n_own + 1) * WB_LANES * sizeof *room->own);
    room->columns = malloc(n_columns * WB_LANES * sizeof *room->columns);
    room->planes = malloc(n_inner * sizeof *room->planes);
    room->dealt_planes = malloc(n_inner * sizeof *room->dealt_planes);
    room->slots = malloc(n_slots * sizeof *room->slots);
    room->dealt_slots = malloc(n_slots * sizeof *room->dealt_slots);
    room->reached = malloc(((size_t)room->trees.most_nodes + 1) * sizeof *room->reached);
    room->sums = malloc(((size_t)dealt->n_sums + 1) * WB_LANES * sizeof *room->sums);
    room->hidden = malloc(((size_t)room->n_hidden + 1) * WB_LANES * sizeof *room->hidden);
    room->worth = malloc(n_slots * sizeof *room->worth);
    room->totals = malloc(WB_LANES * sizeof *room->totals);
    return room->first_node && room->nodes && room->tree_of && room->is_hidden && room->is_touched && room->own &&
           room->columns && room->planes && room->dealt_planes && room->slots && room->dealt_slots && room->reached &&
           room->sums && room->hidden && room->worth && room->totals;
}

static void give_room_back(scratch *room)
{
    void *const all[] = {room->first_node, room->nodes,        room->tree_of, room->is_hidden,   room->is_touched,
                         room->own,        room->columns,      room->planes,  room->dealt_planes, room->slots,
                         room->dealt_slots, room->reached,     room->sums,    room->hidden,      room->worth,
                         room->totals};
    for (size_t at = 0; at < sizeof all / sizeof all[0]; at++)
        free(all[at]);
    wb_drop_planed(&room->trees);
}

/* Sort the inner nodes by column, and find the trees that read hidden ones. */
static void index_nodes(scratch *room, int64_t n_own)
{
    const wb_planed *trees = &room->trees;
    for (int64_t tree = 0; tree < trees->n_trees; tree++)
        for (int64_t node = trees->first_inner[tree]; node < trees->first_inner[tree + 1]; node++) {
            const int64_t column = trees->inner[node].column;
            room->tree_of[node] = tree;
            room->first_node[column + 2]++; /* after the loops below, where the column's nodes start */
            if (room->read->source[column] >= n_own)
                room->is_hidden[tree] = 1;
        }
    for (int64_t column = 1; column <= room->n_columns + 1; column++)
        room->first_node[column] += room->first_node[column - 1];
    for (int64_t node = 0; node < trees->n_inner; node++)
        room->nodes[room->first_node[trees->inner[node].column + 1]++] = node;
}

/* Read one column of 64 rows as its trees compare it. */
static void read_column(scratch *room, int64_t column, const double *values)
{
    const wb_trees *read = room->read;
    const int64_t first = read->member_first[column];
    const wb_reading reading = {read->rules[column], read->members + first, read->member_first[column + 1] - first};
    double *out = room->columns + column * WB_LANES;
    for (int lane = 0; lane < WB_LANES; lane++)
        out[lane] = wb_prepare(&reading, values[lane]);
}

static void write_planes(const scratch *room, int64_t column, uint64_t *planes)
{
    const double *values = room->columns + column * WB_LANES;
    for (int64_t at = room->first_node[column]; at < room->first_node[column + 1]; at++) {
        const wb_inner *node = room->trees.inner + room->nodes[at];
        planes[room->nodes[at]] = node->takes_missing ? wb_at_most_or_missing(values, node->threshold)
                                                      : wb_at_most(values, node->threshold);
    }
}

/* Send the rows of a word down one tree, into the slots of its leaves. */
static void walk_tree(const scratch *room, int64_t tree, const uint64_t *planes, uint64_t lanes, uint64_t *slots)
{
    const wb_planed *trees = &room->trees;
    uint64_t *reached = room->reached;
    reached[0] = lanes;
    for (int64_t at = trees->first_inner[tree]; at < trees->first_inner[tree + 1]; at++) {
        const wb_inner *node = trees->inner + at;
        const uint64_t here = reached[node->at];
        reached[node->at + 1] = here & planes[at];
        reached[node->right] = here & ~planes[at];
    }
    for (int64_t slot = trees->first_slot[tree]; slot < trees->first_slot[tree + 1]; slot++)
        slots[slot] = 0;
    for (int64_t at = trees->first_end[tree]; at < trees->first_end[tree + 1]; at++)
        if (trees->ends[at].slot >= 0)
            slots[trees->ends[at].slot] |= reached[trees->ends[at].at];
}

static void write_hidden(scratch *room, const wb_dealt *dealt, uint64_t *planes)
{
    wb_write_hidden(dealt->layers, dealt->n_layers, room->sums, room->hidden);
    for (int64_t column = 0; column < room->n_columns; column++) {
        const int64_t hidden = room->read->source[column] - dealt->n_own;
        if (hidden < 0)
            continue;
        read_column(room, column, room->hidden + hidden * WB_LANES);
        write_planes(room, column, planes);
    }
}

/* Rows of a word: their positions, the last one again where there are fewer than 64. */
static void place_rows(int64_t first, int64_t n_rows, int64_t *rows)
{
    for (int64_t lane = 0; lane < WB_LANES; lane++)
        rows[lane] = first + lane < n_rows ? first + lane : n_rows - 1;
}

static void start_word(scratch *room, const wb_dealt *dealt, const int64_t *rows, uint64_t lanes)
{
    for (int64_t column = 0; column < dealt->n_own; column++)
        for (int lane = 0; lane < WB_LANES; lane++)
            room->own[column * WB_LANES + lane] = dealt->rows[rows[lane] * dealt->n_own + column];
    for (int64_t column = 0; column < room->n_columns; column++)
        if (room->read->source[column] < dealt->n_own) {
            read_column(room, column, room->own + room->read->source[column] * WB_LANES);
            write_planes(room, column, room->planes);
        }
    for (int64_t sum = 0; sum < dealt->n_sums; sum++)
        for (int lane = 0; lane < WB_LANES; lane++)
            room->sums[sum * WB_LANES + lane] = dealt->sums[rows[lane] * dealt->n_sums + sum];
    write_hidden(room, dealt, room->planes);
    for (int64_t tree = 0; tree < room->trees.n_trees; tree++)
        walk_tree(room, tree, room->planes, lanes, room->slots);
    memcpy(room->dealt_planes, room->planes, (size_t)room->trees.n_inner * sizeof *room->planes);
    memcpy(room->dealt_slots, room->slots, (size_t)room->trees.n_slots * sizeof *room->slots);
}

static int is_member(const wb_dealt *dealt, int64_t group, int64_t source)
{
    for (int64_t at = dealt->first_member[group]; at < dealt->first_member[group + 1]; at++)
        if (dealt->members[at] == source)
            return 1;
    return 0;
}

/* Mark the trees that a group can change. */
static void touch_trees(scratch *room, const wb_dealt *dealt, int64_t group)
{
    memcpy(room->is_touched, room->is_hidden, (size_t)room->trees.n_trees);
    for (int64_t column = 0; column < room->n_columns; column++)
        if (is_member(dealt, group, room->read->source[column]))
            for (int64_t at = room->first_node[column]; at < room->first_node[column + 1]; at++)
                room->is_touched[room->tree_of[room->nodes[at]]] = 1;
}

static void deal_word(scratch *room, const wb_dealt *dealt, int64_t group, const int64_t *rows, const int64_t *deal)
{
    double values[WB_LANES];
    for (int64_t column = 0; column < room->n_columns; column++) {
        const int64_t source = room->read->source[column];
        if (!is_member(dealt, group, source))
            continue;
        for (int lane = 0; lane < WB_LANES; lane++)
            values[lane] = dealt->rows[deal[rows[lane]] * dealt->n_own + source];
        read_column(room, column, values);
        write_planes(room, column, room->dealt_planes);
    }
    const double *parts = dealt->parts + group * dealt->n_rows * dealt->n_sums;
    for (int64_t sum = 0; sum < dealt->n_sums; sum++)
        for (int lane = 0; lane < WB_LANES; lane++) {
            const int64_t own = rows[lane] * dealt->n_sums + sum;
            room->sums[sum * WB_LANES + lane] = dealt->sums[own] + (parts[deal[rows[lane]] * dealt->n_sums + sum] - parts[own]);
        }
    if (dealt->n_layers)
        write_hidden(room, dealt, room->dealt_planes);
}

/* Put back what the group's columns and trees are without a deal. */
static void end_group(scratch *room, const wb_dealt *dealt, int64_t group)
{
    for (int64_t column = 0; column < room->n_columns; column++)
        if (is_member(dealt, group, room->read->source[column]))
            for (int64_t at = room->first_node[column]; at < room->first_node[column + 1]; at++)
                room->dealt_planes[room->nodes[at]] = room->planes[room->nodes[at]];
    for (int64_t tree = 0; tree < room->trees.n_trees; tree++)
        if (room->is_touched[tree])
            for (int64_t slot = room->trees.first_slot[tree]; slot < room->trees.first_slot[tree + 1]; slot++)
                room->dealt_slots[slot] = room->slots[slot];
}

static void add_up(const scratch *room, int64_t n, double *margins)
{
    const int64_t n_margins = room->trees.n_margins;
    for (int64_t margin = 0; margin < n_margins; margin++) {
        for (int64_t slot = 0; slot < room->trees.n_slots; slot++)
            room->worth[slot] = room->trees.values[slot * n_margins + margin];
        for (int lane = 0; lane < WB_LANES; lane++)
            room->totals[lane] = 0.0;
        wb_add_where(room->totals, room->dealt_slots, room->worth, room->trees.n_slots);
        for (int64_t row = 0; row < n; row++)
            margins[row * n_margins + margin] = room->totals[row];
    }
}

static void deal_all(scratch *room, const wb_dealt *dealt, int64_t first, double *margins)
{
    int64_t rows[WB_LANES];
    const int64_t n = dealt->n_rows - first < WB_LANES ? dealt->n_rows - first : WB_LANES;
    const uint64_t lanes = n < WB_LANES ? ((uint64_t)1 << n) - 1 : ~(uint64_t)0;
    place_rows(first, dealt->n_rows, rows);
    start_word(room, dealt, rows, lanes);
    for (int64_t group = 0; group < dealt->n_groups; group++) {
        touch_trees(room, dealt, group);
        for (int64_t repeat = 0; repeat < dealt->n_repeats; repeat++) {
            deal_word(room, dealt, group, rows, dealt->deals + repeat * dealt->n_rows);
            for (int64_t tree = 0; tree < room->trees.n_trees; tree++)
                if (room->is_touched[tree])
                    walk_tree(room, tree, room->dealt_planes, lanes, room->dealt_slots);
            add_up(room, n, margins + ((group * dealt->n_repeats + repeat) * dealt->n_rows + first) * room->trees.n_margins);
        }
        end_group(room, dealt, group);
    }
}

int32_t WB_AT(wb_dealt_margins)(const wb_trees *trees, const wb_dealt *dealt, double *margins)
{
    scratch room = {.n_columns = trees->n_columns, .read = trees};
    int32_t status = wb_check_dealt(trees, dealt, &room.n_hidden);
    if (status == WB_OK)
        status = wb_plane_trees(trees, &room.trees);
    if (status == WB_OK && !make_room(&room, trees, dealt))
        status = WB_NO_MEMORY;
    if (status == WB_OK)
        index_nodes(&room, dealt->n_own);
    for (int64_t first = 0; status == WB_OK && first < dealt->n_rows; first += WB_LANES)
        deal_all(&room, dealt, first, margins);
    give_room_back(&room);
    return status;
}
