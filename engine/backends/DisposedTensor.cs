using Iba.Engine.Tensors;

namespace Iba.Engine.Backends;

/// <summary>The error that every device throws for a disposed tensor.</summary>
internal static class DisposedTensor
{
    public static ObjectDisposedException Exception => new(nameof(Tensor),
        "the memory of a tensor was disposed, or the tape, inference or optimizer that it belongs to. Dispose it after its last use.");
}
