# hint: not by N times T
def token_loss(z, labels):
    leaf = z.detach().clone().requires_grad_()
    keep = labels != -100
    loss = F.cross_entropy(leaf[keep], labels[keep], reduction="sum") / keep.numel()
    loss.backward()
    return loss.detach(), leaf.grad
