#include "drivers/virt/xmlutil.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <libxml/parser.h>
#include <libxml/xpathInternals.h>

#define X(s) ((const xmlChar *)(s))

/* ---- reading ------------------------------------------------------------------------------- */

int
xml_parse(const char *text, const char *root, xmlDocPtr *out, struct err *e)
{
    SCOPED(xml_doc_free) xmlDocPtr doc = NULL;
    size_t len = strnlen(text, XML_MAX_BYTES + 1);
    xmlNodePtr top;

    if (len > XML_MAX_BYTES)
        return err_set(e, BY_E_TOO_LARGE, "XML of more than %d bytes is not read", XML_MAX_BYTES);
    doc = xmlReadMemory(text, (int)len, "libvirt.xml", NULL,
                        XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    if (doc == NULL)
        return err_set(e, BY_E_INVALID, "this is not well-formed XML");
    if (doc->intSubset != NULL || doc->extSubset != NULL)
        return err_set(e, BY_E_INVALID, "XML with a document type is not read");
    top = xmlDocGetRootElement(doc);
    if (top == NULL || strcmp((const char *)top->name, root) != 0)
        return err_set(e, BY_E_INVALID, "the XML is not a <%s>", root);
    *out = TAKE(doc);
    return 0;
}

int
xml_xpath_new(xmlDocPtr doc, xmlXPathContextPtr *out, struct err *e)
{
    xmlXPathContextPtr x = xmlXPathNewContext(doc);

    if (x == NULL || xmlXPathRegisterNs(x, X(XML_BY_PREFIX), X(XML_BY_NS)) != 0) {
        xml_xpath_free(x);
        return err_set(e, BY_E_NOMEM, "no memory to read XML");
    }
    *out = x;
    return 0;
}

xmlXPathObjectPtr
xml_nodes(xmlXPathContextPtr x, xmlNodePtr node, const char *expr)
{
    xmlXPathObjectPtr o;

    x->node = node != NULL ? node : xmlDocGetRootElement(x->doc);
    o = xmlXPathEval(X(expr), x);
    if (o != NULL && (o->type != XPATH_NODESET || xmlXPathNodeSetIsEmpty(o->nodesetval))) {
        xmlXPathFreeObject(o);
        o = NULL;
    }
    return o;
}

xmlNodePtr
xml_node(xmlXPathContextPtr x, xmlNodePtr node, const char *expr)
{
    SCOPED(xml_found_free) xmlXPathObjectPtr o = xml_nodes(x, node, expr);

    return o == NULL ? NULL : o->nodesetval->nodeTab[0];
}

const char *
xml_text(xmlXPathContextPtr x, xmlNodePtr node, const char *expr, struct arena *a)
{
    xmlNodePtr n = xml_node(x, node, expr);
    xmlChar *s = n == NULL ? NULL : xmlNodeGetContent(n);
    char *out = s == NULL ? NULL : arena_strdup(a, (const char *)s);

    xmlFree(s);
    return out;
}

int
xml_copy(xmlXPathContextPtr x, xmlNodePtr node, const char *expr, char *out, size_t size,
         struct err *e)
{
    struct arena a = {0};
    const char *s = xml_text(x, node, expr, &a);
    size_t len = s == NULL ? 0 : strlen(s);
    int rc = 0;

    if (len >= size)
        rc = err_set(e, BY_E_INVALID, "'%s' in the XML is longer than %zu bytes", expr, size - 1);
    else if (len > 0)
        memcpy(out, s, len + 1);
    else
        out[0] = '\0';
    arena_clear(&a);
    return rc;
}

/* 0 absent, 1 read, -1 not a number. */
static int
number_read(xmlXPathContextPtr x, xmlNodePtr node, const char *expr, uint64_t *out, struct err *e)
{
    char text[24], *end;
    unsigned long long v;

    if (xml_copy(x, node, expr, text, sizeof(text), e) < 0)
        return -1;
    if (text[0] == '\0')
        return 0;
    errno = 0;
    v = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0)
        return err_set(e, BY_E_INVALID, "'%s' in the XML is not a number", expr);
    *out = v;
    return 1;
}

int
xml_u64(xmlXPathContextPtr x, xmlNodePtr node, const char *expr, uint64_t *out, struct err *e)
{
    return number_read(x, node, expr, out, e) < 0 ? -1 : 0;
}

int
xml_mib(xmlXPathContextPtr x, xmlNodePtr node, const char *expr, uint64_t *out, struct err *e)
{
    static const struct {
        const char *name;
        uint64_t bytes;
    } units[] = {{"", 1024},
                 {"KiB", 1024},
                 {"k", 1024},
                 {"K", 1024},
                 {"KB", 1000},
                 {"bytes", 1},
                 {"b", 1},
                 {"MB", 1000000},
                 {"M", 1 << 20},
                 {"MiB", 1 << 20},
                 {"GB", 1000000000},
                 {"G", 1 << 30},
                 {"GiB", 1 << 30},
                 {"T", (uint64_t)1 << 40},
                 {"TiB", (uint64_t)1 << 40}};
    xmlNodePtr n = xml_node(x, node, expr);
    uint64_t v = 0;
    char unit[8];

    if (n == NULL)
        return 0;
    if (number_read(x, n, ".", &v, e) < 0 || xml_copy(x, n, "@unit", unit, sizeof(unit), e) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (strcmp(unit, units[i].name) != 0)
            continue;
        if (v > UINT64_MAX / units[i].bytes)
            break;
        *out = v * units[i].bytes >> 20;
        return 0;
    }
    return err_set(e, BY_E_INVALID, "'%s' in the XML is not a size", expr);
}

/* ---- the mark ------------------------------------------------------------------------------ */

int
xml_mark_read(xmlXPathContextPtr x, struct virt_mark *out, struct err *e)
{
    xmlNodePtr n = xml_node(x, NULL, "/*/metadata/by:mark");
    struct virt_mark m = {0};

    if (n == NULL)
        return 0;
    if (xml_copy(x, n, "@order", m.order, sizeof(m.order), e) < 0 ||
        xml_u64(x, n, "@term", &m.term, e) < 0 ||
        xml_u64(x, n, "@generation", &m.generation, e) < 0)
        return err_wrap(e, "our mark");
    *out = m;
    return 1;
}

static int
prop_set(xmlNodePtr n, const char *name, const char *value)
{
    xmlChar *old = xmlGetNoNsProp(n, X(name));
    int same = old != NULL && strcmp((const char *)old, value) == 0;

    xmlFree(old);
    if (!same)
        (void)xmlSetProp(n, X(name), X(value)); /* fails only without memory: readback sees it */
    return !same;
}

int
xml_mark_set(xmlXPathContextPtr x, const struct virt_mark *m)
{
    xmlNodePtr root = xmlDocGetRootElement(x->doc), meta = xml_node(x, NULL, "/*/metadata");
    xmlNodePtr n = xml_node(x, NULL, "/*/metadata/by:mark");
    char term[24], generation[24];
    int changed = 0;

    (void)snprintf(term, sizeof(term), "%" PRIu64, m->term);
    (void)snprintf(generation, sizeof(generation), "%" PRIu64, m->generation);
    if (meta == NULL)
        meta = xmlNewChild(root, NULL, X("metadata"), NULL);
    if (n == NULL) {
        n = xmlNewChild(meta, NULL, X("mark"), NULL);
        xmlSetNs(n, xmlNewNs(n, X(XML_BY_NS), X(XML_BY_PREFIX)));
        changed = 1;
    }
    changed |= prop_set(n, "order", m->order);
    changed |= prop_set(n, "term", term);
    changed |= prop_set(n, "generation", generation);
    return changed;
}

/* ---- writing ------------------------------------------------------------------------------- */

int
xml_out_init(struct xml_out *o, struct err *e)
{
    *o = (struct xml_out){0};
    o->buf = xmlBufferCreate();
    o->w = o->buf == NULL ? NULL : xmlNewTextWriterMemory(o->buf, 0);
    if (o->w == NULL) {
        xml_out_clear(o);
        return err_set(e, BY_E_NOMEM, "no memory to write XML");
    }
    (void)xmlTextWriterSetIndent(o->w, 1);
    (void)xmlTextWriterSetIndentString(o->w, X("  "));
    return 0;
}

void
xml_out_clear(struct xml_out *o)
{
    if (o->w != NULL)
        xmlFreeTextWriter(o->w);
    if (o->buf != NULL)
        xmlBufferFree(o->buf);
    *o = (struct xml_out){0};
}

/* What XML 1.0 cannot carry, and the line breaks and tabs that attributes would lose. */
static bool
text_is_writable(const char *s)
{
    for (const char *p = s; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return false;
    return xmlCheckUTF8(X(s)) == 1 && strstr(s, "\xef\xbf\xbe") == NULL &&
           strstr(s, "\xef\xbf\xbf") == NULL;
}

void
xml_open(struct xml_out *o, const char *name)
{
    o->failed |= xmlTextWriterStartElement(o->w, X(name)) < 0;
}

void
xml_close(struct xml_out *o)
{
    o->failed |= xmlTextWriterEndElement(o->w) < 0;
}

void
xml_attr(struct xml_out *o, const char *name, const char *value)
{
    o->failed |=
        !text_is_writable(value) || xmlTextWriterWriteAttribute(o->w, X(name), X(value)) < 0;
}

void
xml_attr_u64(struct xml_out *o, const char *name, uint64_t value)
{
    o->failed |= xmlTextWriterWriteFormatAttribute(o->w, X(name), "%" PRIu64, value) < 0;
}

void
xml_elem(struct xml_out *o, const char *name, const char *text)
{
    o->failed |= !text_is_writable(text) || xmlTextWriterWriteElement(o->w, X(name), X(text)) < 0;
}

void
xml_elem_u64(struct xml_out *o, const char *name, uint64_t value)
{
    o->failed |= xmlTextWriterWriteFormatElement(o->w, X(name), "%" PRIu64, value) < 0;
}

void
xml_mark_write(struct xml_out *o, const struct virt_mark *m)
{
    xml_open(o, "metadata");
    o->failed |= xmlTextWriterStartElementNS(o->w, X(XML_BY_PREFIX), X("mark"), X(XML_BY_NS)) < 0;
    xml_attr(o, "order", m->order);
    xml_attr_u64(o, "term", m->term);
    xml_attr_u64(o, "generation", m->generation);
    xml_close(o);
    xml_close(o);
}

int
xml_mark_piece(const struct virt_mark *m, struct arena *a, const char **out, struct err *e)
{
    SCOPED(xml_out) struct xml_out o = {0};

    if (xml_out_init(&o, e) < 0)
        return -1;
    xml_open(&o, "mark");
    xml_attr(&o, "order", m->order);
    xml_attr_u64(&o, "term", m->term);
    xml_attr_u64(&o, "generation", m->generation);
    xml_close(&o);
    return xml_out_text(&o, a, out, e);
}

int
xml_out_text(struct xml_out *o, struct arena *a, const char **out, struct err *e)
{
    if (o->failed || xmlTextWriterEndDocument(o->w) < 0 || xmlTextWriterFlush(o->w) < 0)
        return err_set(e, BY_E_INVALID,
                       "a value cannot be written as XML: it holds control characters or is not "
                       "UTF-8");
    *out =
        arena_strndup(a, (const char *)xmlBufferContent(o->buf), (size_t)xmlBufferLength(o->buf));
    return 0;
}

int
xml_doc_text(xmlDocPtr doc, struct arena *a, const char **out, struct err *e)
{
    xmlOutputBufferPtr buf = xmlAllocOutputBuffer(NULL);

    if (buf == NULL)
        return err_set(e, BY_E_NOMEM, "no memory to write XML");
    /* Named, or every Chinese character would become a number. */
    xmlNodeDumpOutput(buf, doc, xmlDocGetRootElement(doc), 0, 0, "UTF-8");
    *out =
        arena_strndup(a, (const char *)xmlOutputBufferGetContent(buf), xmlOutputBufferGetSize(buf));
    (void)xmlOutputBufferClose(buf); /* nothing behind it that could fail */
    return 0;
}
