/* Exponentials and the links made of them, written so that every level computes the same bits.
 *
 * exp(x) = 2^n exp(r) with n the whole number nearest to x / ln 2 and |r| <= ln 2 / 2. For exp(r)
 *
 *      alone           its Taylor polynomial of degree 11, whose first left out term is below 2^-47; even and odd
 *                      powers are summed up apart, two chains of which a processor follows both at once
 *      in a quotient   its Pade approximant of degree 5 over 5, off by less than 2^-49: half the work, as its division
 *                      is that of the quotient
 */
#ifndef WHYBOX_EXPONENTIALS_H
#define WHYBOX_EXPONENTIALS_H

#include <stdint.h>
#include <string.h>

typedef struct {
    double r, power; /* power: 2^n */
} wb_reduced;

static inline wb_reduced wb_reduce(double x)
{
    const double shift = 0x1.8p52; /* adding it rounds to whole numbers, which then stand in the lowest bits */
    x = x < -708.0 ? -708.0 : x > 709.0 ? 709.0 : x;
    const double shifted = x * 0x1.71547652b82fep0 + shift, n = shifted - shift;
    int64_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    const int64_t scaled = (int64_t)((uint64_t)(bits + 1023) << 52);
    wb_reduced reduced = {.r = (x - n * 0x1.62e42fefa3800p-1) - n * 0x1.ef35793c76730p-45};
    memcpy(&reduced.power, &scaled, sizeof scaled);
    return reduced;
}

static inline double wb_exp(double x)
{
    const wb_reduced of = wb_reduce(x);
    const double square = of.r * of.r;
    double even = 1.0 / 3628800.0, odd = 1.0 / 39916800.0;
    even = even * square + 1.0 / 40320.0;
    odd = odd * square + 1.0 / 362880.0;
    even = even * square + 1.0 / 720.0;
    odd = odd * square + 1.0 / 5040.0;
    even = even * square + 1.0 / 24.0;
    odd = odd * square + 1.0 / 120.0;
    even = even * square + 0.5;
    odd = odd * square + 1.0 / 6.0;
    even = even * square + 1.0;
    odd = odd * square + 1.0;
    return (odd * of.r + even) * of.power;
}

/* 1 / (1 + exp(-x)) */
static inline double wb_logistic(double x)
{
    const wb_reduced of = wb_reduce(-x);
    const double square = of.r * of.r;
    const double even = (square * (30.0 / 30240.0) + 3360.0 / 30240.0) * square + 1.0;
    const double odd = ((square * (1.0 / 30240.0) + 420.0 / 30240.0) * square + 0.5) * of.r;
    return (even - odd) / ((even - odd) + (even + odd) * of.power);
}

#endif
