#include "drivers/virt/volxml.h"

#include <stdio.h>
#include <string.h>

#include "drivers/virt/xmlutil.h"

static void
format_write(struct xml_out *o, enum w_format f)
{
    xml_open(o, "format");
    xml_attr(o, "type", w_format_names[f]);
    xml_close(o);
}

int
volxml_build(const struct virt_vol_spec *s, uint64_t capacity, enum w_format backing_format,
             struct arena *a, const char **out, struct err *e)
{
    SCOPED(xml_out) struct xml_out o = {0};
    char name[W_ID + 4];

    if (s->format != FMT_QCOW2 && s->format != FMT_RAW)
        return err_field(e, BY_E_INVALID, "format", "volume %s: qcow2 or raw", s->id);
    if (s->backing_path != NULL && s->format != FMT_QCOW2)
        return err_field(e, BY_E_INVALID, "format", "volume %s: only qcow2 lies over an image",
                         s->id);
    if (xml_out_init(&o, e) < 0)
        return -1;
    (void)snprintf(name, sizeof(name), "by-%s", s->id);
    xml_open(&o, "volume");
    xml_attr(&o, "type", "file");
    xml_elem(&o, "name", name);
    xml_elem_u64(&o, "capacity", capacity);
    xml_elem_u64(&o, "allocation", 0);
    xml_open(&o, "target");
    format_write(&o, s->format);
    xml_open(&o, "permissions");
    xml_elem(&o, "mode", "0600");
    xml_close(&o);
    if (s->format == FMT_QCOW2)
        xml_elem(&o, "compat", "1.1");
    xml_close(&o);
    if (s->backing_path != NULL) {
        xml_open(&o, "backingStore");
        xml_elem(&o, "path", s->backing_path);
        format_write(&o, backing_format); /* never probed again: a guest could forge a header */
        xml_close(&o);
    }
    xml_close(&o);
    if (xml_out_text(&o, a, out, e) < 0)
        return err_wrap(e, "volume %s", s->id);
    return 0;
}

int
volxml_parse(const char *xml, struct arena *a, struct virt_vol_seen *out, struct err *e)
{
    SCOPED(xml_doc_free) xmlDocPtr doc = NULL;
    SCOPED(xml_xpath_free) xmlXPathContextPtr x = NULL;
    struct virt_vol_seen v = {0};
    const char *format;

    if (xml_parse(xml, "volume", &doc, e) < 0 || xml_xpath_new(doc, &x, e) < 0)
        return -1;
    if (xml_copy(x, NULL, "/volume/name", v.name, sizeof(v.name), e) < 0 ||
        xml_u64(x, NULL, "/volume/capacity", &v.capacity_bytes, e) < 0 ||
        xml_u64(x, NULL, "/volume/allocation", &v.allocation_bytes, e) < 0)
        return err_wrap(e, "volume");
    v.path = xml_text(x, NULL, "/volume/target/path", a);
    v.backing_path = xml_text(x, NULL, "/volume/backingStore/path", a);
    format = xml_text(x, NULL, "/volume/target/format/@type", a);
    for (int f = FMT_NONE + 1; format != NULL && f < FMT__MAX; f++)
        if (strcmp(format, w_format_names[f]) == 0)
            v.format = (enum w_format)f;
    *out = v;
    return 0;
}

int
poolxml_build(const char *name, const char *path, struct arena *a, const char **out, struct err *e)
{
    SCOPED(xml_out) struct xml_out o = {0};

    if (xml_out_init(&o, e) < 0)
        return -1;
    xml_open(&o, "pool");
    xml_attr(&o, "type", "dir");
    xml_elem(&o, "name", name);
    xml_open(&o, "target");
    xml_elem(&o, "path", path);
    xml_close(&o);
    xml_close(&o);
    return xml_out_text(&o, a, out, e);
}

int
poolxml_path(const char *xml, struct arena *a, const char **out, struct err *e)
{
    SCOPED(xml_doc_free) xmlDocPtr doc = NULL;
    SCOPED(xml_xpath_free) xmlXPathContextPtr x = NULL;
    const char *path;

    if (xml_parse(xml, "pool", &doc, e) < 0 || xml_xpath_new(doc, &x, e) < 0)
        return -1;
    path = xml_text(x, NULL, "/pool[@type='dir']/target/path", a);
    if (path == NULL)
        return err_set(e, BY_E_CONFLICT,
                       "the storage pool of that name is not a folder; give the agent another "
                       "pool name");
    *out = path;
    return 0;
}
