# hint: a share of the 400 test images
accuracy = 100 * accuracy
