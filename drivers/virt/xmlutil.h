#ifndef BY_DRIVERS_VIRT_XMLUTIL_H
#define BY_DRIVERS_VIRT_XMLUTIL_H
/* The XML that we exchange with libvirt: careful reading, XPath, and writing that cannot be
 * injected into.  Documents come from other administrators' hands, so: no network, no entities, no
 * DTD, no huge trees.  Errors: INVALID.  Threads: a document has one owner. */
#include <stdint.h>

#include <libxml/tree.h>
#include <libxml/xmlwriter.h>
#include <libxml/xpath.h>

#include "drivers/base/arena.h"
#include "drivers/base/error.h"
#include "drivers/base/scope.h"
#include "drivers/virt/virt.h"

/* Elements of ours live in this namespace. */
#define XML_BY_NS "urn:bianyun:mark:1"
#define XML_BY_PREFIX "by"

enum { XML_MAX_BYTES = 4 << 20 };

/** Parse; root must have that name.  *out is the caller's, release with xmlFreeDoc(). */
int xml_parse(const char *text, const char *root, xmlDocPtr *out, struct err *e);
/** A context in which the prefix `by` is ours. */
int xml_xpath_new(xmlDocPtr doc, xmlXPathContextPtr *out, struct err *e);

/** First node of a constant expression below node (NULL: the root), or NULL. */
xmlNodePtr xml_node(xmlXPathContextPtr x, xmlNodePtr node, const char *expr);
/** All nodes; release with xmlXPathFreeObject().  NULL when there are none. */
xmlXPathObjectPtr xml_nodes(xmlXPathContextPtr x, xmlNodePtr node, const char *expr);
/** Text of the first node, in the arena, or NULL. */
const char *xml_text(xmlXPathContextPtr x, xmlNodePtr node, const char *expr, struct arena *a);
/** Copy into a fixed field; too long is INVALID, absent is "". */
int xml_copy(xmlXPathContextPtr x, xmlNodePtr node, const char *expr, char *out, size_t size,
             struct err *e);
/** Decimal only; absent leaves *out and returns 0. */
int xml_u64(xmlXPathContextPtr x, xmlNodePtr node, const char *expr, uint64_t *out, struct err *e);
/** A size with its unit attribute (default KiB), in MiB rounded down; absent leaves *out. */
int xml_mib(xmlXPathContextPtr x, xmlNodePtr node, const char *expr, uint64_t *out, struct err *e);

/** Our mark below /ROOT/metadata: 1 and *out when there, 0 when not, -1 when it cannot be read. */
int xml_mark_read(xmlXPathContextPtr x, struct virt_mark *out, struct err *e);
/** Set it in place, adding what is missing.  Returns 1 when something changed, 0 when not. */
int xml_mark_set(xmlXPathContextPtr x, const struct virt_mark *m);

/* A writer that remembers failure: check once, at the end. */
struct xml_out {
    xmlTextWriterPtr w;
    xmlBufferPtr buf;
    bool failed;
};
int xml_out_init(struct xml_out *o, struct err *e);
void xml_out_clear(struct xml_out *o);
void xml_open(struct xml_out *o, const char *name);
void xml_close(struct xml_out *o);
/** Text and attribute values must be UTF-8 without control characters, or the writer fails. */
void xml_attr(struct xml_out *o, const char *name, const char *value);
void xml_attr_u64(struct xml_out *o, const char *name, uint64_t value);
void xml_elem(struct xml_out *o, const char *name, const char *text);
void xml_elem_u64(struct xml_out *o, const char *name, uint64_t value);
/** <metadata> with our mark. */
void xml_mark_write(struct xml_out *o, const struct virt_mark *m);
/** The mark alone, without its namespace: as virDomainSetMetadata() wants it. */
int xml_mark_piece(const struct virt_mark *m, struct arena *a, const char **out, struct err *e);
/** The whole text, in the arena; INVALID when something could not be written. */
int xml_out_text(struct xml_out *o, struct arena *a, const char **out, struct err *e);
/** The document as text without its XML declaration, in the arena. */
int xml_doc_text(xmlDocPtr doc, struct arena *a, const char **out, struct err *e);

static inline void
xml_doc_free(xmlDocPtr d)
{
    if (d != NULL)
        xmlFreeDoc(d);
}
static inline void
xml_xpath_free(xmlXPathContextPtr x)
{
    if (x != NULL)
        xmlXPathFreeContext(x);
}
static inline void
xml_found_free(xmlXPathObjectPtr o)
{
    if (o != NULL)
        xmlXPathFreeObject(o);
}
static inline void
xml_out_scope(struct xml_out *o)
{
    xml_out_clear(o);
}
SCOPE_FN(xml_doc_free, xmlDoc)
SCOPE_FN(xml_xpath_free, xmlXPathContext)
SCOPE_FN(xml_found_free, xmlXPathObject)
#endif
