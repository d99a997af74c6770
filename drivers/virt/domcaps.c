#include "drivers/virt/domcaps.h"

#include <stdio.h>
#include <string.h>

#include "drivers/virt/xmlutil.h"

const char *
domcaps_machine(const char *arch)
{
    if (strcmp(arch, "x86_64") == 0)
        return "q35";
    return strcmp(arch, "aarch64") == 0 || strcmp(arch, "loongarch64") == 0 ? "virt" : NULL;
}

int
domcaps_arch(const char *xml, const char *arch, struct err *e)
{
    SCOPED(xml_doc_free) xmlDocPtr doc = NULL;
    SCOPED(xml_xpath_free) xmlXPathContextPtr x = NULL;
    char path[100];

    if (domcaps_machine(arch) == NULL)
        return err_set(e, BY_E_UNSUPPORTED, "hosts of architecture '%s' are not supported", arch);
    if (xml_parse(xml, "capabilities", &doc, e) < 0 || xml_xpath_new(doc, &x, e) < 0)
        return err_wrap(e, "capabilities");
    (void)snprintf(path, sizeof(path), "/*/guest/arch[@name='%.30s']", arch);
    if (xml_node(x, NULL, path) == NULL)
        return err_set(e, BY_E_UNSUPPORTED,
                       "this libvirt does not know %s: it lists no guests of it; nothing is run "
                       "here until a libvirt and QEMU that do are installed",
                       arch);
    return 0;
}

int
domcaps_read(const char *xml, bool kvm, struct virt_caps *c, char cpu_mode[24], uint32_t *gic,
             struct err *e)
{
    SCOPED(xml_doc_free) xmlDocPtr doc = NULL;
    SCOPED(xml_xpath_free) xmlXPathContextPtr x = NULL;
    const char *mode = "";
    uint64_t max = 1;

    if (xml_parse(xml, "domainCapabilities", &doc, e) < 0 || xml_xpath_new(doc, &x, e) < 0 ||
        xml_copy(x, NULL, "/*/machine", c->machine, sizeof(c->machine), e) < 0 ||
        xml_copy(x, NULL, "/*/path", c->emulator, sizeof(c->emulator), e) < 0 ||
        xml_u64(x, NULL, "/*/vcpu/@max", &max, e) < 0)
        return err_wrap(e, "domain capabilities");
    c->vcpus_max = max > UINT32_MAX ? UINT32_MAX : (uint32_t)max;
    c->uefi = xml_node(x, NULL,
                       "/*/os[enum[@name='firmware']/value='efi']/loader[@supported='yes'][value]"
                       "/enum[@name='secure']/value[.='no']") != NULL;
    c->kvm = kvm;
    /* What a domain gets from TCG's host-model changes with the host's CPU for no gain. */
    if (kvm && xml_node(x, NULL, "/*/cpu/mode[@name='host-model'][@supported='yes']") != NULL)
        mode = "host-model";
    else if (kvm &&
             xml_node(x, NULL, "/*/cpu/mode[@name='host-passthrough'][@supported='yes']") != NULL)
        mode = "host-passthrough"; /* ARM has no host-model */
    else if (xml_node(x, NULL, "/*/cpu/mode[@name='maximum'][@supported='yes']") != NULL)
        mode = "maximum";
    (void)snprintf(cpu_mode, 24, "%s", mode);
    *gic = 0;
    for (uint32_t v = 2; v <= 3; v++) {
        char path[100];

        (void)snprintf(path, sizeof(path),
                       "/*/features/gic[@supported='yes']/enum[@name='version']/value[.='%u']", v);
        if (xml_node(x, NULL, path) != NULL)
            *gic = v;
    }
    return 0;
}
