using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Tensors;

namespace Iba.Engine.Networks;

/// <summary>y = windows of the whole image with other windows inlaid, at the present places of the batch's rows. For passes without gradients.</summary>
/// <param name="Given">The windows that are inlaid.</param>
/// <param name="Wanted">Those that result.</param>
/// <param name="Places">For each row, its patch's place among the windows' rows and columns.</param>
internal sealed record Inlay(Windows Given, Windows Wanted, (int Row, int Column)[] Places) : Op
{
    private readonly InlayPlace[] _places = new InlayPlace[Places.Length];

    /// <inheritdoc/>
    public override Shape Infer(IReadOnlyList<Shape> inputs) => new(Places.Length, Wanted.Rows.Size, Wanted.Columns.Size, inputs[0].C);

    /// <inheritdoc/>
    public override void Forward(IBackend on, Value y)
    {
        for (int i = 0; i < _places.Length; i++)
            _places[i] = new(Given.Rows.Inlaid(Wanted.Rows, Places[i].Row), Given.Columns.Inlaid(Wanted.Columns, Places[i].Column));
        on.Inlay(y[0], y[1], _places, y);
    }

    /// <inheritdoc/>
    public override void Backward(IBackend on, Value y, Tensor dy, Gradients d) => throw new NotSupportedException($"{this} is for passes without gradients.");

    /// <inheritdoc/>
    protected override string Describe() => $"Inlay {{ {Wanted.Rows.Size}x{Wanted.Columns.Size} of {Wanted.Rows.Extent}x{Wanted.Columns.Extent} }}";
}
