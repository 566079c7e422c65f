using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cuda.Plans;

/// <summary>
/// Rounds the factors of a sum to bfloat16. Weights that fill a storage of their own are rounded once, and again after each write;
/// everything else is rounded on every call, into scratch memory. A captured loop calls this only while it is captured. Weights that others
/// write are therefore rounded again before the loop's next run, and weights that the loop writes count as written after every run.
/// </summary>
internal sealed class Rounding(Device device, Kernels kernels, Scratch scratch)
{
    private readonly HashSet<CudaStorage> _stale = [];
    private HashSet<CudaStorage>? _recorded;

    /// <summary>Called on every write.</summary>
    public void Written(CudaStorage storage)
    {
        if (storage.Rounded is null)
            return;
        storage.IsStale = true;
        _recorded?.Add(storage);
        _stale.Add(storage);
    }

    /// <summary>Rounds all weights again that were written since they were rounded.</summary>
    public void Refresh()
    {
        foreach (CudaStorage storage in _stale)
        {
            if (storage.IsStale && !storage.IsReturned)
                Round(storage);
        }
        _stale.Clear();
    }

    /// <summary>Starts recording which storages are written.</summary>
    public void StartRecording() => _recorded = [];

    /// <summary>Ends the recording and returns the storages written.</summary>
    public IReadOnlyCollection<CudaStorage> StopRecording()
    {
        HashSet<CudaStorage> recorded = _recorded ?? [];
        _recorded = null;
        return recorded;
    }

    /// <summary>The addresses with both factors replaced by their rounded copies.</summary>
    public Addresses Apply(Direction direction, in Operands operands, in Addresses addresses) => direction switch
    {
        Direction.Forward => addresses with { X = Once(operands.X, ScratchUse.Input), W = Kept(operands.W) },
        Direction.BackwardData => addresses with { Y = Once(operands.Y, ScratchUse.Input), W = Kept(operands.W) },
        _ => addresses with { X = Once(operands.X, ScratchUse.Input), Y = Once(operands.Y, ScratchUse.SecondInput) },
    };

    private ulong Kept(Tensor w)
    {
        var storage = (CudaStorage)w.Storage;
        if (w.Offset != 0 || w.Shape.Count != storage.Count)
            return Once(w, ScratchUse.SecondInput);
        if (storage.Rounded is null)
        {
            // Inside a capture every replay would round the weights again, and the capture would own the copy's memory.
            device.NotInCapture("rounds weights for the first time");
            storage.Rounded = new DeviceHandle(device, Resource.Piece, device.Arena.Allocate(storage.Count * sizeof(ushort)));
            storage.IsStale = true;
        }
        if (storage.IsStale)
            Round(storage);
        return storage.Rounded.Value;
    }

    private void Round(CudaStorage storage)
    {
        kernels.Run(Launch.ToBf16(new Tensor(new Shape((int)storage.Count), storage), null, (nint)storage.Rounded!.Value));
        storage.IsStale = false;
    }

    private ulong Once(Tensor x, ScratchUse use)
    {
        ulong rounded = scratch.Get(use, (long)x.Shape.Count * sizeof(ushort));
        kernels.Run(Launch.ToBf16(x, null, (nint)rounded));
        return rounded;
    }
}
