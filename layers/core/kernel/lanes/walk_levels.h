/* The walks of one level: one line for each of their files in lanes/. */
#ifndef WHYBOX_WALK_LEVELS_H
#define WHYBOX_WALK_LEVELS_H

#include "../dealt.h"
#include "../levels.h"
#include "../walks.h"

#define WB_WALK_PRIMITIVES(level) \
    int32_t WB_JOIN(wb_hidden_walks, level)(const wb_hidden_game *, const wb_walks *, double *pairs); \
    int32_t WB_JOIN(wb_heads, level)(const wb_head *, const wb_walks *, double *pairs); \
    int32_t WB_JOIN(wb_linked_walks, level)(const wb_linked_game *, const wb_visits *, double *sums); \
    int32_t WB_JOIN(wb_control_shares, level)(const wb_linked_game *, double *shares); \
    int32_t WB_JOIN(wb_dealt_margins, level)(const wb_trees *, const wb_dealt *, double *margins);

WB_LEVELS(WB_WALK_PRIMITIVES)

#endif
