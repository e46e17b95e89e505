// Rounding with error feedback, see include/feedback.h.
#ifndef ISA
#define KERNEL_FILE "feedback.c"
#include "instantiate.h"

#define FEEDBACK_FUNCTION(name, parameters, arguments)                                   \
    bool ingot_##name parameters {                                                       \
        typedef void (*function) parameters;                                             \
        static const function table[INGOT_ISA_COUNT] = TABLE(name);                      \
        if (isa == INGOT_SCALAR) isa = BASELINE;                                         \
        if (isa >= INGOT_ISA_COUNT || !table[isa]) return false;                         \
        table[isa] arguments;                                                            \
        return true;                                                                     \
    }

FEEDBACK_FUNCTION(feedback_round,
                  (ingot_isa isa, const ingot_feedback_form *form,
                   const ingot_feedback_search *search, const ingot_feedback_block *block),
                  (isa, form, search, block))
FEEDBACK_FUNCTION(panel_subtract,
                  (ingot_isa isa, const float *errors, size_t rowCount, const float *matrix,
                   size_t stride, size_t columnCount, float *target),
                  (isa, errors, rowCount, matrix, stride, columnCount, target))
FEEDBACK_FUNCTION(panel_solve,
                  (ingot_isa isa, const float *factor, size_t stride, size_t columnCount,
                   float *weights),
                  (isa, factor, stride, columnCount, weights))
FEEDBACK_FUNCTION(feedback_descend,
                  (ingot_isa isa, const ingot_feedback_form *form, const float *hessian,
                   size_t stride, size_t columnCount, const float *scales, const float *minimums,
                   float *levels, float *gradient, float *changes),
                  (isa, form, hessian, stride, columnCount, scales, minimums, levels, gradient,
                   changes))
#else
#include "lanes.h"
#include "half_floats.h"
#include "feedback_panel.h"
#include "feedback_codewords.h"
#include "feedback_group.h"
#include "feedback_block.h"
#endif
