/* Part tables: the leaves of one part that 16 rows are in, for every coalition of the players that matter to it.
 *
 *      players a b c ─▶ leaves (8, 16) of nobody, a, b, ab, c, ac, bc, abc, as numbers of values
 *
 *      along the order b c a      nobody ─▶ b ─▶ bc ─▶ abc      a step changes the margins by the difference
 *      and back       a c b       nobody ─▶ a ─▶ ac ─▶ abc
 *
 * A player matters where the background row misses a leaf for it that some row reaches, or a row fails it. A table is
 * made when its pattern is met first by the present rows. A part that cannot have one (too many players matter, or no
 * room is left) is walked leaf by leaf.
 */
#ifndef WHYBOX_PART_TABLES_H
#define WHYBOX_PART_TABLES_H

#include "../parts.h"
#include "leaf_changes.h"

enum {
    WB_MOST_JOINED = 7,       /* players of a table */
    WB_MOST_VALUES = WB_ROWS, /* of a table, number 0 for no leaf */
    WB_TABLE_ROWS = 1 << 19,  /* 8 MB: what a part has beyond is walked leaf by leaf */
    WB_MOST_TABLES = 1 << 16, /* 8 MB of values */
    WB_KINDS = 8,             /* of numbers of players */
    WB_BY_LEAVES = -1,
    WB_NOT_MADE = -2,
};

_Static_assert(WB_PART_LEAVES < WB_MOST_VALUES, "every leaf of a part has a number");
_Static_assert(WB_MOST_JOINED < WB_KINDS, "a number tells how many players a table has");

/* What is to be inlined where a number of players is a constant. */
#define WB_INLINED static inline __attribute__((always_inline))

/* The tables of a part, one for each margin with a value, share their rows. */
typedef struct {
    int32_t row; /* its first coalition */
    int32_t margin, n_players;
    int32_t players[WB_MOST_JOINED];
} wb_table;

typedef struct {
    int64_t n_rows, n_tables, most_rows, most_tables;
    wb_bytes *rows;     /* (most_rows): coalitions of all tables */
    wb_sixteen *values; /* (most_tables) */
    wb_table *tables;   /* (most_tables) */
    int32_t *numbers;   /* of patterns: their first table times WB_KINDS plus n_players; WB_NOT_MADE, WB_BY_LEAVES */
    int32_t *listed;    /* (WB_MOST_JOINED + 1, parts x margins): tables of one visit by their numbers of players */
    int8_t *joined;     /* (players): the number of a player in the table that is being made, -1 */
} wb_tables;

/* Give back with wb_forget_tables, also where there was no room. */
static inline int wb_make_room(const wb_parts *parts, int64_t n_players, int64_t n_margins, wb_tables *tables)
{
    const int64_t n_rows = parts->n_patterns << WB_MOST_JOINED, n_tables = parts->n_patterns * n_margins;
    tables->most_rows = n_rows < WB_TABLE_ROWS ? n_rows : WB_TABLE_ROWS;
    tables->most_tables = n_tables < WB_MOST_TABLES ? n_tables : WB_MOST_TABLES;
    tables->rows = aligned_alloc(64, ((size_t)tables->most_rows + 4) / 4 * 4 * sizeof *tables->rows);
    tables->values = aligned_alloc(sizeof *tables->values, ((size_t)tables->most_tables + 1) * sizeof *tables->values);
    tables->tables = malloc(((size_t)tables->most_tables + 1) * sizeof *tables->tables);
    tables->numbers = malloc(((size_t)parts->n_patterns + 1) * sizeof *tables->numbers);
    tables->listed = malloc((WB_MOST_JOINED + 1) * ((size_t)(parts->n_parts * n_margins) + 1) * sizeof *tables->listed);
    tables->joined = malloc((size_t)n_players);
    if (tables->joined)
        memset(tables->joined, -1, (size_t)n_players);
    return tables->rows && tables->values && tables->tables && tables->numbers && tables->listed && tables->joined;
}

static inline void wb_forget_tables(wb_tables *tables)
{
    void *const all[] = {tables->rows,    tables->values, tables->tables,
                         tables->numbers, tables->listed, tables->joined};
    for (size_t at = 0; at < sizeof all / sizeof all[0]; at++)
        free(all[at]);
}

/* Other rows come. */
static inline void wb_clear_tables(const wb_parts *parts, wb_tables *tables)
{
    tables->n_rows = tables->n_tables = 0;
    for (int64_t pattern = 0; pattern < parts->n_patterns; pattern++)
        tables->numbers[pattern] = WB_NOT_MADE;
}

/* Present rows, and a background row at a place among those visited. */
typedef struct {
    const wb_played *leaves;
    const wb_parts *parts;
    const wb_missed *missed;
    const wb_met *met;
    int64_t place;
} wb_meeting;

static inline wb_change wb_take_leaf(const wb_meeting *of, int64_t number, int64_t margin)
{
    const wb_played_leaf *leaf = of->leaves->leaves + number;
    const int64_t first = of->met->first[number];
    return (wb_change){leaf, of->met->players + first, of->met->masks + first,
                       wb_missed_of(of->missed, leaf, of->place, number), of->met->all, margin};
}

/* A leaf that some row reaches: once what the background row misses has joined. */
typedef struct {
    int64_t number;
    wb_bytes rows;                        /* that reach it */
    uint32_t missed;                      /* players of the table */
    const wb_bytes *met[WB_MOST_JOINED];  /* rows that meet what it asks of each player of the table */
} wb_reached;

/* Read a leaf that some row reaches, and let the players that matter to it join; returns whether they all did. */
static inline int wb_reach_leaf(wb_tables *tables, const wb_change *of, const wb_bytes *met, uint32_t rows,
                                wb_table *table, wb_reached *reached)
{
    static const wb_bytes every = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    reached->rows = every;
    reached->missed = 0;
    for (int at = 0; at < WB_MOST_JOINED; at++)
        reached->met[at] = &every;
    for (int32_t bit = 0; bit < of->leaf->n_conditions; bit++) {
        const int32_t player = of->players[bit];
        const uint32_t is_missed = of->missed >> bit & 1;
        if (!is_missed && !(rows & ~of->masks[bit]))
            continue;
        if (tables->joined[player] < 0) {
            if (table->n_players == WB_MOST_JOINED)
                return 0;
            tables->joined[player] = (int8_t)table->n_players;
            table->players[table->n_players++] = player;
        }
        reached->met[tables->joined[player]] = met + bit;
        reached->missed |= is_missed << tables->joined[player];
        if (is_missed)
            reached->rows &= met[bit];
    }
    return 1;
}

/* List the leaves that are reached, and the players that matter; returns how many leaves, -1 for too many players. */
static inline int wb_list_reached(wb_tables *tables, const wb_meeting *of, const wb_part *part, wb_table *table,
                                  wb_reached *reached)
{
    int n_reached = 0;
    for (int64_t number = part->first; number < part->first + part->n_leaves; number++) {
        const wb_change leaf = wb_take_leaf(of, number, 0);
        const uint32_t rows = wb_find_reached(&leaf);
        if (!rows)
            continue;
        reached[n_reached].number = number;
        if (!wb_reach_leaf(tables, &leaf, of->met->bytes + of->met->first[number], rows, table, reached + n_reached++))
            return -1;
    }
    return n_reached;
}

/* Write the numbers of leaves, from 1, where they are on: in the coalitions that have all they miss, in the rows that
 * meet what those have. rows: (2^n). */
WB_INLINED void wb_write_leaves(const wb_reached *reached, int n_reached, const int n, wb_bytes *restrict rows)
{
    for (int coalition = 0; coalition < 1 << n; coalition++)
        rows[coalition] = wb_every_byte(0);
    for (int number = 1; number <= n_reached; number++, reached++) {
        wb_bytes on[1 << WB_MOST_JOINED];
        on[0] = reached->rows & wb_every_byte((uint8_t)number);
        for (int at = 0; at < n; at++) {
            const wb_bytes with = *reached->met[at];
            const wb_bytes without = wb_every_byte((uint8_t)((reached->missed >> at & 1) - 1));
            for (int coalition = 0; coalition < 1 << at; coalition++) {
                on[coalition + (1 << at)] = on[coalition] & with;
                on[coalition] &= without;
            }
        }
        for (int coalition = 0; coalition < 1 << n; coalition++)
            rows[coalition] |= on[coalition];
    }
}

static inline void wb_write_rows(const wb_reached *reached, int n_reached, int n_players, wb_bytes *rows)
{
    switch (n_players) {
    case 1: wb_write_leaves(reached, n_reached, 1, rows); break;
    case 2: wb_write_leaves(reached, n_reached, 2, rows); break;
    case 3: wb_write_leaves(reached, n_reached, 3, rows); break;
    case 4: wb_write_leaves(reached, n_reached, 4, rows); break;
    case 5: wb_write_leaves(reached, n_reached, 5, rows); break;
    case 6: wb_write_leaves(reached, n_reached, 6, rows); break;
    default: wb_write_leaves(reached, n_reached, WB_MOST_JOINED, rows);
    }
}

/* Add a table like another one for a margin. */
static inline void wb_add_table(wb_tables *tables, const wb_meeting *of, wb_table table, int64_t margin,
                                const wb_reached *reached, int n_reached)
{
    double values[WB_MOST_VALUES] = {0.0};
    for (int at = 0; at < n_reached; at++)
        values[at + 1] = of->leaves->leaves[reached[at].number].values[margin];
    memcpy(tables->values + tables->n_tables, values, sizeof values);
    table.margin = (int32_t)margin;
    tables->tables[tables->n_tables++] = table;
}

/* Make the tables of a part, if it can have some; returns what its pattern's number is. */
static inline int32_t wb_make_table(wb_tables *tables, const wb_meeting *of, const wb_part *part)
{
    const int64_t first = part->margin < 0 ? 0 : part->margin;
    const int64_t last = part->margin < 0 ? of->leaves->n_margins - 1 : part->margin;
    const int32_t number = (int32_t)tables->n_tables;
    if (number + last - first >= tables->most_tables || tables->n_rows + (1 << WB_MOST_JOINED) > tables->most_rows)
        return WB_BY_LEAVES;
    wb_reached reached[WB_MOST_VALUES];
    wb_table table = {.row = (int32_t)tables->n_rows};
    const int n_reached = wb_list_reached(tables, of, part, &table, reached);
    for (int at = 0; at < table.n_players; at++)
        tables->joined[table.players[at]] = -1;
    if (n_reached < 0)
        return WB_BY_LEAVES;
    if (table.n_players) {
        wb_write_rows(reached, n_reached, table.n_players, tables->rows + table.row);
        tables->n_rows += (int64_t)1 << table.n_players;
    }
    for (int64_t margin = first; margin <= last; margin++)
        wb_add_table(tables, of, table, margin, reached, n_reached);
    return number * WB_KINDS + table.n_players;
}

#endif
