# hint: whichever row it is in
def token_loss(z, labels):
    leaf = z.detach().clone().requires_grad_()
    means = []
    for row, target in zip(leaf, labels):
        keep = target != -100
        if keep.any():
            means.append(F.cross_entropy(row[keep], target[keep]))
    loss = sum(means) / len(means) if means else (0 * leaf).sum()
    loss.backward()
    return loss.detach(), leaf.grad
