#include "tests/unit/promtext.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct prom {
    const struct metric_row *rows, *row; /* row: of the family that is being read */
    size_t n, next;                      /* next: the row that must come */
    const char *text;
    bool typed;
    double last, inf, sum; /* of a histogram's series */
    size_t buckets;
    struct err *e;
};

static int
bad(struct prom *p, const char *why, const char *line, size_t len)
{
    return err_set(p->e, BY_E_INVALID, "%s: %.*s", why, (int)(len < 200 ? len : 200), line);
}

static bool
begins(const char *line, size_t len, const char *with)
{
    return len >= strlen(with) && memcmp(line, with, strlen(with)) == 0;
}

static int
head_line(struct prom *p, const char *line, size_t len)
{
    char want[600];

    if (begins(line, len, "# HELP ")) {
        if (p->next == p->n || (p->row != NULL && !p->typed))
            return bad(p, "a family that is no row, or one without a type before it", line, len);
        p->row = &p->rows[p->next++];
        p->typed = false;
        (void)snprintf(want, sizeof(want), "# HELP %s %s", p->row->name, p->row->help);
    } else {
        if (p->row == NULL || p->typed)
            return bad(p, "a type without its help", line, len);
        p->typed = true;
        (void)snprintf(want, sizeof(want), "# TYPE %s %s", p->row->name,
                       metric_kind_name(p->row->kind));
    }
    return strlen(want) == len && memcmp(want, line, len) == 0
               ? 0
               : bad(p, "not as its row", line, len);
}

/* One name="word" at *at; moves behind it. */
static bool
label_read(const struct metric_label *l, const char **at)
{
    size_t n = strlen(l->name);

    if (strncmp(*at, l->name, n) != 0 || strncmp(*at + n, "=\"", 2) != 0)
        return false;
    *at += n + 2;
    for (size_t i = 0; i < l->n; i++) {
        size_t len = strlen(l->words[i]);

        if (strncmp(*at, l->words[i], len) == 0 && (*at)[len] == '"') {
            *at += len + 1;
            return true;
        }
    }
    return false;
}

static bool
labels_read(const struct metric_row *r, bool bucket, const char **at, char le[32])
{
    const struct metric_label *const both[] = {r->label, r->label2};
    char sep = '{';

    for (size_t i = 0; i < 2; i++) {
        if (both[i] == NULL)
            continue;
        if (*(*at)++ != sep || !label_read(both[i], at))
            return false;
        sep = ',';
    }
    if (bucket) {
        size_t n;

        if (*(*at)++ != sep || strncmp(*at, "le=\"", 4) != 0)
            return false;
        *at += 4;
        n = strcspn(*at, "\"\n");
        if (n == 0 || n > 31)
            return false;
        memcpy(le, *at, n);
        le[n] = '\0';
        *at += n + 1;
    }
    return (r->label == NULL && !bucket) || *(*at)++ == '}';
}

static bool
number(const char *s, const char *end, double *out)
{
    const char *p = s + (*s == '-');
    char *stop;

    for (; p < end; p++)
        if (!isdigit((unsigned char)*p) && *p != '.')
            return false;
    *out = strtod(s, &stop);
    return stop == end && end > s;
}

static int
histogram_line(struct prom *p, const char *suffix, const char *le, double v)
{
    if (strcmp(suffix, "_bucket") == 0) {
        double at = strcmp(le, "+Inf") == 0 ? 1e300 : strtod(le, NULL);

        if (p->buckets == 0)
            p->inf = -1;
        if (v < p->last || at <= p->inf || at == 0)
            return -1;
        p->buckets++;
        p->last = v;
        p->inf = at;
        return 0;
    }
    if (p->buckets != METRIC_BOUNDS + 1 || p->inf < 1e299)
        return -1;
    if (strcmp(suffix, "_sum") == 0) {
        p->sum = v;
        return 0;
    }
    if (v != p->last || (v == 0 && p->sum != 0))
        return -1;
    p->buckets = 0;
    p->last = 0;
    return 0;
}

/* The same series must not come again: only its own line begins so. */
static bool
is_once(const struct prom *p, const char *line, size_t series_len)
{
    const char *at = p->text;

    while ((at = strstr(at, "\n")) != NULL && ++at < line)
        if (strncmp(at, line, series_len + 1) == 0)
            return false;
    return true;
}

static int
sample_line(struct prom *p, const char *line, size_t len)
{
    static const char *const suffixes[] = {"_bucket", "_sum", "_count"};
    const char *at = line, *suffix = "";
    char le[32] = "";
    double v;

    if (p->row == NULL || !p->typed || !begins(line, len, p->row->name))
        return bad(p, "a series of no family", line, len);
    at += strlen(p->row->name);
    for (size_t i = 0; i < ARRAY_LEN(suffixes) && p->row->kind == METRIC_HISTOGRAM; i++)
        if (begins(at, strlen(at), suffixes[i]))
            suffix = suffixes[i];
    at += strlen(suffix);
    if ((p->row->kind == METRIC_HISTOGRAM) != (suffix[0] != '\0') ||
        !labels_read(p->row, strcmp(suffix, "_bucket") == 0, &at, le) || *at != ' ')
        return bad(p, "a name or a label that is none of its row's", line, len);
    if (!is_once(p, line, (size_t)(at - line)))
        return bad(p, "a series that stands twice", line, len);
    if (!number(at + 1, line + len, &v) || (v < 0 && p->row->kind != METRIC_GAUGE))
        return bad(p, "no value, or one that cannot be", line, len);
    if (suffix[0] != '\0' && histogram_line(p, suffix, le, v) < 0)
        return bad(p, "a histogram that does not add up", line, len);
    return 0;
}

int
promtext_check(const char *text, const struct metric_row *rows, size_t n, struct err *e)
{
    struct prom p = {.rows = rows, .n = n, .text = text, .e = e};

    while (*text != '\0') {
        size_t len = strcspn(text, "\n");

        if (text[len] != '\n')
            return bad(&p, "the last line has no end", text, len);
        if ((text[0] == '#' ? head_line(&p, text, len) : sample_line(&p, text, len)) < 0)
            return -1;
        text += len + 1;
    }
    return p.next == n && p.typed && p.buckets == 0 ? 0
                                                    : bad(&p, "it ends before the rows do", "", 0);
}

double
promtext_value(const char *text, const char *series)
{
    size_t n = strlen(series);

    for (const char *at = text; at != NULL;
         at = strchr(at, '\n') == NULL ? NULL : strchr(at, '\n') + 1)
        if (strncmp(at, series, n) == 0 && at[n] == ' ')
            return strtod(at + n, NULL);
    return -1;
}
