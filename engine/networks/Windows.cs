using Iba.Engine.Tensors;

namespace Iba.Engine.Networks;

/// <summary>The windows of a layer's output, or of its input.</summary>
internal sealed record Windows(WindowAxis Rows, WindowAxis Columns)
{
    /// <summary>Pixels of a window.</summary>
    public long Pixels => (long)Rows.Size * Columns.Size;

    /// <inheritdoc cref="WindowAxis.Tight"/>
    public Windows Tight() => new(Rows.Tight(), Columns.Tight());

    /// <inheritdoc cref="WindowAxis.IsLike"/>
    public bool AreLike(Windows other) => Rows.IsLike(other.Rows) && Columns.IsLike(other.Columns);

    /// <inheritdoc cref="WindowAxis.With"/>
    public Windows? With(Windows other) => Rows.With(other.Rows) is { } rows && Columns.With(other.Columns) is { } columns ? new(rows, columns) : null;

    /// <inheritdoc cref="WindowAxis.Through"/>
    public (Windows Input, Windows Output) Through(ConvGeometry geometry, int tile)
    {
        (WindowAxis Input, WindowAxis Output) rows = Rows.Through(geometry, tile), columns = Columns.Through(geometry, tile);
        return (new(rows.Input, columns.Input), new(rows.Output, columns.Output));
    }
}
