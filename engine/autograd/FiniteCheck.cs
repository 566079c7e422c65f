using Iba.Engine.Backends;
using Iba.Engine.Tensors;

namespace Iba.Engine.Autograd;

/// <summary>
/// Finds the first line of a tape that computes NaN or an infinity, forward or backward, and which input made it so. It reads back every tensor: a pass
/// takes several times as long.
/// </summary>
/// <param name="throws">Whether the pass stops there.</param>
public sealed class FiniteCheck(bool throws = true) : TapeWatch
{
    private readonly Dictionary<Value, NumberRange> _gradients = [];
    private float[] _numbers = [];

    /// <summary>
    /// Whether every new tape is checked. Set before the first run by the environment variable <c>IBA_CHECK=1</c>, or here.
    /// </summary>
    public static bool IsOn { get; set; } = Environment.GetEnvironmentVariable("IBA_CHECK") == "1";

    /// <summary>The first such line; of a check that throws, that of the last run that it stopped. Null if there is none.</summary>
    public NonFiniteLine? First { get; private set; }

    private bool Looks => throws || First is null;

    /// <inheritdoc/>
    public override void AfterForward(Value y)
    {
        if (Looks && RangeOf(y.Tape.Backend, y.Name, y.Data) is { IsFinite: false } range)
            Found(y, range, y.Shape, isBackward: false, [.. y.Inputs.Distinct().Select(x => RangeOf(y.Tape.Backend, x.Name, x.Data))]);
    }

    /// <inheritdoc/>
    public override void AfterBackward(Value y, Gradients d)
    {
        if (!Looks)
            return;
        IBackend on = y.Tape.Backend;
        NumberRange given = _gradients.GetValueOrDefault(y) ?? new NumberRange(Of(y), 1, 1, 0, y.Shape.Count);
        foreach (Value x in y.Inputs.Distinct())
        {
            if (!d.Computes(x) || !d.Reached(x))
                continue;
            NumberRange range = _gradients[x] = RangeOf(on, Of(x), d[x]);
            if (!range.IsFinite)
            {
                // Those whose data the derivative reads: the memory of others may be in use again.
                Value[] read = [.. y.Inputs.Where((x, i) => x.Op is null || y.Op!.RereadsInput(y, i)).Distinct()];
                Found(y, range, x.Shape, isBackward: true, [given, .. read.Select(x => RangeOf(on, x.Name, x.Data))]);
                return;
            }
        }

        static string Of(Value x) => $"gradient of {x.Name}";
    }

    private void Found(Value y, NumberRange range, Shape shape, bool isBackward, NumberRange[] inputs)
    {
        First = new NonFiniteLine(y.Line, y.Name, y.Op!.ToString(), isBackward, range, shape, inputs);
        if (throws)
            throw new NonFiniteLineException(First);
    }

    private NumberRange RangeOf(IBackend on, string name, Tensor x)
    {
        int count = x.Shape.Count;
        if (_numbers.Length < count)
            _numbers = new float[count];
        Span<float> numbers = _numbers.AsSpan(0, count);
        on.Download(x, numbers);
        float least = float.PositiveInfinity, most = float.NegativeInfinity;
        int strange = 0, first = -1;
        for (int i = 0; i < numbers.Length; i++)
        {
            float number = numbers[i];
            if (float.IsFinite(number))
                (least, most) = (Math.Min(least, number), Math.Max(most, number));
            else if (strange++ == 0)
                first = i;
        }
        return new NumberRange(name, least, most, strange, count) { First = first, Strange = first < 0 ? 0 : numbers[first] };
    }
}

/// <summary>The range of a tensor's finite numbers, and how many are not finite.</summary>
/// <param name="Name">What the tensor is.</param>
/// <param name="Least">The least finite number; positive infinity if there is none.</param>
/// <param name="Most">The largest finite number; negative infinity if there is none.</param>
/// <param name="NonFinite">How many are NaN or infinite.</param>
/// <param name="Count">How many there are.</param>
public sealed record NumberRange(string Name, float Least, float Most, int NonFinite, int Count)
{
    /// <summary>Whether all are finite.</summary>
    public bool IsFinite => NonFinite == 0;

    /// <summary>Index of the first that is not finite; -1 if there is none.</summary>
    public int First { get; init; } = -1;

    /// <summary>The first that is not finite.</summary>
    public float Strange { get; init; }

    /// <inheritdoc/>
    public override string ToString() => NonFinite == Count
        ? $"{Name}: none of {Count} numbers is finite"
        : FormattableString.Invariant($"{Name}: {Least:G5} to {Most:G5}") + (IsFinite ? "" : $", {NonFinite} of {Count} not finite");
}

/// <summary>The line at which a pass first computed NaN or an infinity.</summary>
/// <param name="Line">Its index on the tape.</param>
/// <param name="Name">Its name.</param>
/// <param name="Op">Its op with settings.</param>
/// <param name="IsBackward">Whether its derivative did, not the line itself.</param>
/// <param name="Result">The line's numbers; backward those of an input's gradient.</param>
/// <param name="Shape">The shape of the result.</param>
/// <param name="Inputs">The ranges of the inputs; backward the gradient of the line, then the inputs that the derivative reads.</param>
public sealed record NonFiniteLine(int Line, string Name, string Op, bool IsBackward, NumberRange Result, Shape Shape, IReadOnlyList<NumberRange> Inputs)
{
    /// <summary>The inputs that are not finite themselves; none where finite numbers overflowed.</summary>
    public IEnumerable<NumberRange> Causes => Inputs.Where(input => !input.IsFinite);

    /// <summary>The first row (image, or image's copy) of the result that is not finite.</summary>
    public int Row => Result.First / Shape.Row;

    /// <summary>The line, the first number that is not finite, and where it came from.</summary>
    public override string ToString()
    {
        string[] causes = [.. Causes.Select(cause => cause.Name)];
        return $"line {Line} of the tape, {(Op == Name ? Name : $"{Name} = {Op}")}, {(IsBackward ? $"passes back, as {Result.Name}," : "computes")} "
            + $"{Result.Strange} at {Place()} ({Result.NonFinite} of {Result.Count} numbers are not finite), "
            + $"{(causes.Length == 0 ? "though its inputs are finite: the result is too large for float32" : $"because of {string.Join(" and ", causes)}")}. "
            + $"Inputs: {string.Join("; ", Inputs)}";
    }

    private string Place()
    {
        int at = Result.First;
        string row = $"row {Row} of the batch";
        if (Shape.Rank != 4)
            return $"{row}, number {at % Shape.Row}";
        int pixel = at % Shape.Row / Shape.C;
        return $"{row}, pixel row {pixel / Shape.W}, column {pixel % Shape.W}, channel {at % Shape.C}";
    }
}

/// <summary>A checked tape computed NaN or an infinity.</summary>
public sealed class NonFiniteLineException(NonFiniteLine line) : IbaException(
    "a checked run", line.ToString(), "If the weights are sound (iba weights verify FILE), give smaller numbers: input, learning rate or β")
{
    /// <summary>The line.</summary>
    public NonFiniteLine Line { get; } = line;
}
