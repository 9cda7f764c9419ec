"""Makes disk images that no tool at hand makes: drivers_images.py KIND DIRECTORY.

For each image NAME.ext that can be read, NAME.raw holds the bytes that the virtual disk must have.
Written from the formats' specifications, independently of the readers under test."""
import sys

sys.dont_write_bytecode = True  # nothing is left in the source tree
from drivers_images_vdi import make_vdi
from drivers_images_vhd import make_vhd, patch_creator
from drivers_images_vhdx import make_vhdx_chain, make_vhdx_log, make_vhdx_plain
from drivers_images_vmdk import make_vmdk_chain, make_vmdk_sparse, make_vmdk_split

if sys.argv[1] == 'vhd-creators':  # IMAGE PREFIX CREATOR…: writes PREFIX0.vhd and so on
    for number, creator in enumerate(sys.argv[4:]):
        patch_creator(sys.argv[2], '%s%d.vhd' % (sys.argv[3], number), creator.replace('\\0', '\0').encode())
else:
    for make in {'vhd': [make_vhd], 'vmdk': [make_vmdk_sparse, make_vmdk_split, make_vmdk_chain],
                 'vhdx': [make_vhdx_plain, make_vhdx_chain, make_vhdx_log], 'vdi': [make_vdi]}[sys.argv[1]]:
        make()
