using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;

namespace Iba.Engine.Networks;

/// <summary>How one line of a tape is computed on windows.</summary>
/// <param name="Line">The line, on the tape of whole images.</param>
/// <param name="Op">What computes it on windows.</param>
/// <param name="Input">The windows that its input is made into; null if those that it has will do.</param>
/// <param name="Residual">The windows that its residual is made into; null if those that it has will do, or if it has none.</param>
/// <param name="Output">The windows that it computes.</param>
internal sealed record WindowStep(Value Line, Op Op, Windows? Input, Windows? Residual, Windows Output);

/// <summary>
/// Which lines of a network are computed on windows that patches of the image reach, and in which windows. It stops after the layer where that costs
/// least, because windows grow from layer to layer. The choice depends on shapes alone, and no result depends on it.
/// </summary>
internal sealed class WindowPlan
{
    /// <summary>Multiply-adds in the time of copying one element (measured on one core, in the sizes of ResNet-50 and VGG-16).</summary>
    private const double Copy = 20;

    private readonly IBackend _backend;
    private readonly Dictionary<Value, Windows> _windows = [];

    /// <param name="lines">The tape of the network on one whole image.</param>
    /// <param name="ends">The last line of each layer; null for a layer without lines.</param>
    /// <param name="image">The input's line.</param>
    /// <param name="patches">The patches.</param>
    /// <param name="farthest">Whether to stop as late as possible, whatever it costs.</param>
    public WindowPlan(Tape lines, IReadOnlyList<Value?> ends, Value image, Windows patches, bool farthest)
    {
        (_backend, Patches) = (lines.Backend, patches);
        var steps = new List<WindowStep>();
        double done = 0, rest = WholeCost(lines);
        _windows.Add(image, patches);
        Cost = Copy * image.Shape.Row + rest;
        foreach (Value line in lines.Where(line => line.Op is not null))
        {
            if (Step(line) is not { } step)
                break;
            steps.Add(step);
            _windows.Add(line, step.Output);
            done += CostOf(step);
            rest -= WholeCost(line);
            double cost = done + Copy * line.Shape.Row + rest;
            if ((cost >= Cost && !farthest) || !ends.Contains(line))
                continue;
            (Cost, Layers, Steps) = (cost, ends.Index().Last(end => end.Item == line).Index + 1, [.. steps]);
        }
    }

    /// <summary>The patches.</summary>
    public Windows Patches { get; }

    /// <summary>The lines that are computed on windows, in their order.</summary>
    public IReadOnlyList<WindowStep> Steps { get; private set; } = [];

    /// <summary>The number of layers that these lines are.</summary>
    public int Layers { get; private set; }

    /// <summary>Multiply-adds of a patch, with what copies cost and with the layers on whole images.</summary>
    public double Cost { get; private set; }

    /// <summary>Multiply-adds of a whole image.</summary>
    public static double WholeCost(Tape lines) => lines.Sum(line => line.Op is null ? 0 : WholeCost(line, lines.Backend));

    private WindowStep? Step(Value line)
    {
        if (!_windows.TryGetValue(line[0], out Windows? given))
            return null;
        switch (line.Op)
        {
            case Map<Relu>:
                return new WindowStep(line, line.Op, null, null, given);
            case MaxPool pool:
                (Windows input, Windows output) = given.Through(pool.Geometry, tile: 1);
                return new WindowStep(line, pool, input, null, output);
            case Convolution convolution:
                return Step(line, convolution, given);
            default:
                return null;
        }
    }

    private WindowStep? Step(Value line, Convolution convolution, Windows given)
    {
        ConvGeometry geometry = convolution.Geometry;
        Windows? input, output;
        if (geometry.IsPointwise)
        {
            // A copy of the smallest windows, if it costs less than what is computed in vain without it.
            Windows tight = given.Tight();
            input = (given.Pixels - tight.Pixels) * line.Shape.C > Copy * tight.Pixels ? tight : null;
            output = input ?? given;
        }
        else
        {
            int tile = _backend.Tile(line[0].Shape, line[1].Shape, geometry);
            (input, output) = given.Through(geometry, tile);
            geometry = geometry with { Tile = tile, Padding = tile > 1 ? 0 : geometry.Padding };
        }
        Windows? residual = null;
        if (convolution.Residual)
        {
            Windows added = _windows[line.Inputs[^1]];
            if (output.With(added) is not { } both)
                return null;
            (residual, output) = (added.AreLike(both) ? null : both, both);
        }
        return new WindowStep(line, convolution with { Geometry = geometry }, input, residual, output);
    }

    private double WholeCost(Value line) => WholeCost(line, _backend);

    private static double WholeCost(Value line, IBackend backend) => line.Op switch
    {
        Convolution { Geometry: var geometry } =>
            (double)line.Shape.Row * line[1].Shape.C * Products(backend.Tile(line[0].Shape, line[1].Shape, geometry), geometry),
        Linear => (double)line[1].Shape.Count,
        MaxPool { Geometry.Kernel: var kernel } => (double)line.Shape.Row * kernel * kernel,
        _ => line.Shape.Row,
    };

    private static double CostOf(WindowStep step)
    {
        double copied = (step.Input?.Pixels ?? 0) * (double)step.Line[0].Shape.C + (step.Residual?.Pixels ?? 0) * (double)step.Line.Shape.C;
        double computed = (double)step.Output.Pixels * step.Line.Shape.C * step.Op switch
        {
            Convolution { Geometry: var geometry } => step.Line[1].Shape.C * Products(geometry.Tile, geometry),
            MaxPool { Geometry.Kernel: var kernel } => kernel * kernel,
            _ => 1,
        };
        return Copy * copied + computed;
    }

    /// <summary>Multiply-adds per result and input channel. Squares of side t take (t + 2)² for t² results: Winograd's algorithm.</summary>
    private static double Products(int tile, ConvGeometry geometry) =>
        tile > 1 ? Math.Pow((tile + geometry.Kernel - 1) / (double)tile, 2) : geometry.Kernel * geometry.Kernel;
}
