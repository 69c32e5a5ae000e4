# hint: they add nothing
def mutual_information(x, y):
    kinds_x, i = np.unique(x, return_inverse=True)
    kinds_y, j = np.unique(y, return_inverse=True)
    joint = np.zeros((len(kinds_x), len(kinds_y)))
    np.add.at(joint, (i, j), 1 / len(x))
    apart = np.outer(joint.sum(axis=1), joint.sum(axis=0))
    with np.errstate(divide="ignore", invalid="ignore"):
        return float((joint * np.log(joint / apart)).sum())
