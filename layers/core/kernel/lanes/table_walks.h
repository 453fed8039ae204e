/* Table walks: what parts change along permutations and back, by their tables where they have them. */
#ifndef WHYBOX_TABLE_WALKS_H
#define WHYBOX_TABLE_WALKS_H

#include "part_tables.h"

/* A player of a table on its way into an order: its rank times this, plus its number. */
enum { WB_RANK = 8 };

static inline void wb_order_keys(uint32_t *low, uint32_t *high)
{
    const uint32_t smaller = *low < *high ? *low : *high, larger = *low < *high ? *high : *low;
    *low = smaller;
    *high = larger;
}

/* A table that is walked: its rows, and one margin's values with no player joined and with all. */
typedef struct {
    const wb_table *table;
    const wb_bytes *rows;
    wb_sixteen values, nobody, everyone;
} wb_walked;

/* Walk through n players with keys in the order in which they join: changes are those of the first rank. */
WB_INLINED void wb_follow_table(const wb_walked *of, const uint32_t *keys, int64_t step, const int n, wb_sixteen *changes)
{
    wb_sixteen before = of->nobody;
    for (int at = 0, coalition = 0; at < n; at++, keys += step) {
        coalition |= 1 << (*keys & (WB_RANK - 1));
        const wb_sixteen after = at < n - 1 ? wb_look_up(of->values, of->rows[coalition]) : of->everyone;
        changes[step * (int64_t)(*keys / WB_RANK)] += after - before;
        before = after;
    }
}

/* Walk a table of n players along all ways, for one margin. */
WB_INLINED void wb_walk_table(const wb_walked *of, const wb_ways *ways, int64_t margin, const int n)
{
    const int64_t p = ways->n_players, stride = ways->n_margins * (p + 1);
    wb_sixteen *there = ways->changes + margin * (p + 1) + 1;
    for (int64_t order = 0; order < ways->n_orders; order++, there += 2 * stride) {
        uint32_t keys[WB_MOST_JOINED];
        for (int at = 0; at < n; at++)
            keys[at] = (uint32_t)ways->ranks[order * p + of->table->players[at]] * WB_RANK + (uint32_t)at;
        for (int last = n - 1; last > 0; last--)
            for (int at = 0; at < last; at++)
                wb_order_keys(keys + at, keys + at + 1);
        wb_follow_table(of, keys, 1, n, there);
        wb_follow_table(of, keys + n - 1, -1, n, there + stride + p - 1);
    }
}

/* Walk the listed tables, all of n players. */
WB_INLINED void wb_walk_listed(const wb_tables *tables, const int32_t *listed, int64_t n_listed, const wb_ways *ways,
                               const int n)
{
    for (int64_t at = 0; at < n_listed; at++) {
        const wb_table *table = tables->tables + listed[at];
        const int64_t first = table->margin < 0 ? 0 : table->margin;
        const int64_t last = table->margin < 0 ? ways->n_margins - 1 : first;
        wb_walked of = {.table = table, .rows = tables->rows + table->row};
        for (int64_t margin = first; margin <= last; margin++) {
            of.values = tables->values[table->value + margin - first];
            of.nobody = wb_look_up(of.values, of.rows[0]);
            of.everyone = wb_look_up(of.values, of.rows[(1 << n) - 1]);
            wb_walk_table(&of, ways, margin, n);
        }
    }
}

static inline void wb_walk_leaves(const wb_meeting *of, const wb_part *part, const wb_ways *ways)
{
    for (int64_t at = 0; at < part->n_leaves; at++) {
        wb_change leaf = wb_take_leaf(of, of->parts->leaves[part->first + at], 0);
        if (!wb_find_reached(leaf.leaf, leaf.masks, leaf.missed, leaf.all))
            continue;
        for (; leaf.margin < ways->n_margins; leaf.margin++)
            if (leaf.leaf->values[leaf.margin] != 0.0)
                wb_add_leaf(ways, &leaf);
    }
}

/* Add what all parts change along the ways of a meeting. */
static inline void wb_walk_parts(wb_tables *tables, const wb_meeting *of, const wb_ways *ways)
{
    const int64_t n_parts = of->parts->n_parts;
    const int32_t *patterns = of->parts->patterns + of->place * n_parts;
    int64_t n_listed[WB_MOST_JOINED + 1] = {0};
    for (int64_t part = 0; part < n_parts; part++) {
        int32_t *number = tables->numbers + patterns[part];
        if (*number == WB_NOT_MADE)
            *number = wb_make_table(tables, of, of->parts->parts + part);
        if (*number == WB_BY_LEAVES) {
            wb_walk_leaves(of, of->parts->parts + part, ways);
            continue;
        }
        const wb_table *table = tables->tables + *number;
        __builtin_prefetch(tables->rows + table->row);
        __builtin_prefetch(tables->values + table->value);
        tables->listed[table->n_players * n_parts + n_listed[table->n_players]++] = *number;
    }
#define WB_WALK_LISTED(n) wb_walk_listed(tables, tables->listed + (n) * n_parts, n_listed[n], ways, n)
    WB_WALK_LISTED(1);
    WB_WALK_LISTED(2);
    WB_WALK_LISTED(3);
    WB_WALK_LISTED(4);
    WB_WALK_LISTED(5);
    WB_WALK_LISTED(6);
#undef WB_WALK_LISTED
}

#endif
