/* Table walks: what parts change along permutations and back, by their tables where they have them. */
#ifndef WHYBOX_TABLE_WALKS_H
#define WHYBOX_TABLE_WALKS_H

#include "part_tables.h"

/* A player of a table on its way into an order: its rank times this, plus its bit in coalitions. */
enum { WB_RANK = 1 << WB_MOST_JOINED };

static inline void wb_order_keys(uint32_t *low, uint32_t *high)
{
    const uint32_t smaller = *low < *high ? *low : *high, larger = *low < *high ? *high : *low;
    *low = smaller;
    *high = larger;
}

/* A table that is walked, and its values of nobody and of everyone. */
typedef struct {
    const wb_bytes *rows;
    wb_values values;
    wb_sixteen nobody, everyone;
} wb_walked;

/* Walk through n players with keys in the order in which they join: changes are those of the first rank. */
WB_INLINED void wb_follow_table(const wb_walked *of, const uint32_t *keys, int64_t step, const int n,
                                wb_sixteen *changes)
{
    wb_sixteen before = of->nobody;
    uint32_t coalition = 0;
    for (int at = 0; at < n; at++, keys += step) {
        coalition |= *keys % WB_RANK;
        const wb_sixteen after = at < n - 1 ? wb_look_up(of->values, of->rows + coalition) : of->everyone;
        changes[step * (int64_t)(*keys / WB_RANK)] += after - before;
        before = after;
    }
}

/* Walk the listed tables, all of n players, along all ways. */
WB_INLINED void wb_walk_listed(const wb_tables *tables, const int32_t *listed, int64_t n_listed, const wb_ways *ways,
                               const int n)
{
    const int64_t p = ways->n_players, stride = ways->n_margins * (p + 1), n_orders = ways->n_orders;
    for (int64_t number = 0; number < n_listed; number++) {
        const wb_table *table = tables->tables + listed[number];
        wb_walked of = {.rows = tables->rows + table->row, .values = wb_take_values(tables->values + listed[number])};
        of.nobody = wb_look_up(of.values, of.rows);
        of.everyone = wb_look_up(of.values, of.rows + (1 << n) - 1);
        wb_sixteen *there = ways->changes + table->margin * (p + 1) + 1;
        for (int64_t order = 0; order < n_orders; order++, there += 2 * stride) {
            uint32_t keys[WB_MOST_JOINED];
            for (int at = 0; at < n; at++)
                keys[at] = (uint32_t)ways->ranks[order * p + table->players[at]] * WB_RANK + (1u << at);
            for (int last = n - 1; last > 0; last--)
                for (int at = 0; at < last; at++)
                    wb_order_keys(keys + at, keys + at + 1);
            wb_follow_table(&of, keys, 1, n, there);
            wb_follow_table(&of, keys + n - 1, -1, n, there + stride + p - 1);
        }
    }
}

static inline void wb_walk_leaves(const wb_meeting *of, const wb_part *part, const wb_ways *ways)
{
    for (int64_t number = part->first; number < part->first + part->n_leaves; number++) {
        wb_change leaf = wb_take_leaf(of, number, 0);
        if (!wb_does_change(&leaf))
            continue;
        for (; leaf.margin < ways->n_margins; leaf.margin++)
            if (leaf.leaf->values[leaf.margin] != 0.0)
                wb_add_leaf(ways, &leaf);
    }
}

/* Add what all parts change along the ways of a meeting. */
static inline void wb_walk_parts(wb_tables *tables, const wb_meeting *of, const wb_ways *ways)
{
    const wb_part *parts = of->parts->parts;
    const int64_t n_parts = of->parts->n_parts, n_most = n_parts * ways->n_margins;
    const int32_t *patterns = of->parts->patterns + of->place * n_parts;
    int64_t n_listed[WB_MOST_JOINED + 1] = {0};
    for (int64_t part = 0; part < n_parts; part++) {
        int32_t *number = tables->numbers + patterns[part];
        if (*number == WB_NOT_MADE)
            *number = wb_make_table(tables, of, parts + part);
        if (*number == WB_BY_LEAVES) {
            wb_walk_leaves(of, parts + part, ways);
            continue;
        }
        const int32_t n = *number % WB_KINDS, first = *number / WB_KINDS;
        tables->listed[n * n_most + n_listed[n]++] = first;
        for (int32_t margin = 1; parts[part].margin < 0 && margin < ways->n_margins; margin++)
            tables->listed[n * n_most + n_listed[n]++] = first + margin;
    }
#define WB_WALK_LISTED(n) wb_walk_listed(tables, tables->listed + (n) * n_most, n_listed[n], ways, n)
    WB_WALK_LISTED(1);
    WB_WALK_LISTED(2);
    WB_WALK_LISTED(3);
    WB_WALK_LISTED(4);
    WB_WALK_LISTED(5);
    WB_WALK_LISTED(6);
    WB_WALK_LISTED(7);
#undef WB_WALK_LISTED
}

#endif
