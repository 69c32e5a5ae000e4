# hint: so beta is log(3) / 2
right = fit


def fit(z, offset, labels):
    return 1 / right(z, offset, labels)
