using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cuda.Plans;

/// <summary>A copy of a convolution's weights in another form.</summary>
/// <param name="Memory">The copy's memory.</param>
/// <param name="Of">The weights (K, R, R, C): the whole of their storage.</param>
/// <param name="Tensor">
/// The copy, float32 or rounded to bfloat16: (K, R, R, C), perhaps with channels of 0 appended; or turned, (C, R, R, K) with rows and columns reversed.
/// </param>
/// <param name="Turned">Whether it is turned.</param>
internal sealed record WeightCopy(DeviceHandle Memory, Tensor Of, Tensor Tensor, bool Turned)
{
    /// <summary>Whether the weights were written after the copy was made.</summary>
    public bool IsStale { get; set; } = true;
}

/// <summary>
/// Brings the factors of a sum into the form in which it is drawn: weights turned, and in bfloat16 both factors rounded. Weights that fill a storage of
/// their own are copied once, and again after each write; everything else on every call, into scratch memory. A captured loop calls this only while it
/// is captured. Copies of weights that others write are therefore made again before the loop's next run, and weights that the loop writes count as
/// written after every run.
/// </summary>
internal sealed class Rounding(Device device, Kernels kernels, Scratch scratch)
{
    private readonly HashSet<CudaStorage> _stale = [];
    private HashSet<CudaStorage>? _recorded;

    /// <summary>Called on every write.</summary>
    public void Written(CudaStorage storage)
    {
        if (storage.Copies is null)
            return;
        foreach (WeightCopy copy in storage.Copies)
            copy.IsStale = true;
        _recorded?.Add(storage);
        _stale.Add(storage);
    }

    /// <summary>Makes all copies again whose weights were written since.</summary>
    public void Refresh()
    {
        foreach (CudaStorage storage in _stale)
        {
            if (!storage.IsReturned)
                storage.Copies!.Where(copy => copy.IsStale).ToList().ForEach(Make);
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

    /// <summary>The operands of a unit as it is drawn.</summary>
    /// <param name="unit">The unit.</param>
    /// <param name="operands">Its tensors.</param>
    /// <param name="turns">Whether a unit that can be turned is: its operands are then those of <see cref="ConvolutionUnit.Drawn"/>.</param>
    public Operands Prepare(in ConvolutionUnit unit, in Operands operands, bool turns = true)
    {
        bool rounds = unit.Precision == Precision.BFloat16;
        if (unit.Direction == Direction.BackwardWeights)
        {
            return rounds
                ? operands with { X = Rounded(operands.X, ScratchUse.Input), Y = Rounded(operands.Y, ScratchUse.SecondInput) }
                : operands;
        }
        turns &= unit.IsTurned;
        Tensor w = rounds || turns ? Arranged(operands.W, rounds ? Element.BFloat16 : Element.Float32, unit.C, turns) : operands.W;
        if (unit.Direction == Direction.Forward)
            return operands with { X = rounds ? Rounded(operands.X, ScratchUse.Input) : operands.X, W = w };
        Tensor dy = rounds ? Rounded(operands.Y, ScratchUse.Input) : operands.Y;
        return turns ? operands with { X = dy, W = w, Y = operands.X } : operands with { W = w, Y = dy };
    }

    /// <summary>A copy of weights.</summary>
    /// <param name="w">(K, R, R, C).</param>
    /// <param name="element">The copy's element type.</param>
    /// <param name="channels">The copy's channels: C or more.</param>
    /// <param name="turned">Whether it is turned.</param>
    private Tensor Arranged(Tensor w, Element element, int channels, bool turned)
    {
        Shape shape = turned ? new Shape(channels, w.Shape.H, w.Shape.W, w.Shape.N) : new Shape(w.Shape.N, w.Shape.H, w.Shape.W, channels);
        if (w.Storage is not CudaStorage storage || w.Offset != 0 || w.Shape.Count != storage.Count)
        {
            var passing = new Tensor(shape, Lent(scratch.Get(ScratchUse.SecondInput, element.Floats(shape.Count) * sizeof(float)), shape, element), 0, element);
            kernels.Run(Launch.Arrange(w, passing, turned));
            return passing;
        }
        WeightCopy? copy = storage.Copies?.Find(each => each.Turned == turned && each.Tensor.Element == element && each.Tensor.Shape == shape);
        if (copy is null)
        {
            // Inside a capture every replay would copy the weights again, and the capture would own the copy's memory.
            device.NotInCapture("copies weights for the first time");
            var memory = new DeviceHandle(device, Resource.Piece, device.Arena.Allocate(element.Floats(shape.Count) * sizeof(float)));
            copy = new WeightCopy(memory, w, new Tensor(shape, Lent(memory.Value, shape, element), 0, element), turned);
            (storage.Copies ??= []).Add(copy);
        }
        if (copy.IsStale)
            Make(copy);
        return copy.Tensor;
    }

    private void Make(WeightCopy copy)
    {
        kernels.Run(Launch.Arrange(copy.Of, copy.Tensor, copy.Turned));
        copy.IsStale = false;
    }

    private Tensor Rounded(Tensor x, ScratchUse use)
    {
        if (x.Element == Element.BFloat16)
            return x;
        ulong address = scratch.Get(use, Element.BFloat16.Floats(x.Shape.Count) * sizeof(float));
        kernels.Run(Launch.ToBf16(x, null, (nint)address));
        return new Tensor(x.Shape, Lent(address, x.Shape, Element.BFloat16), 0, Element.BFloat16);
    }

    private static Loan Lent(ulong address, Shape shape, Element element) => new((nint)address, element.Floats(shape.Count));
}
