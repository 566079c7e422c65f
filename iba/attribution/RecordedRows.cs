namespace Iba.Attribution;

/// <summary>
/// A recording of a network for some number of rows. It is made when it is first needed and anew only when another number is, so that a
/// single image does not pay for a batch, and a long list is recorded once.
/// </summary>
/// <param name="record">Records for so many rows.</param>
/// <param name="bytes">What a recording holds.</param>
internal sealed class RecordedRows<P>(Func<int, P> record, Func<P, long> bytes) : IDisposable where P : class, IDisposable
{
    /// <summary>An arena is counted in ints.</summary>
    private const long MostBytes = sizeof(float) * (long)int.MaxValue;

    private P? _recorded;
    private int _rows;
    private long _perRow;

    /// <summary>How many rows a budget has room for, at least one. Measured on a recording of one row.</summary>
    public int Within(long budget)
    {
        if (_perRow == 0)
            _perRow = bytes(Of(1));
        return (int)Math.Max(Math.Min(budget, MostBytes) / _perRow, 1);
    }

    /// <summary>A recording for a number of rows in all, taken in equal chunks that stay inside the budget.</summary>
    public P For(int rows, long budget)
    {
        int most = Within(budget);
        int chunks = (rows + most - 1) / most;
        return Of((rows + chunks - 1) / chunks);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _recorded?.Dispose();
        _recorded = null;
    }

    private P Of(int rows)
    {
        if (_recorded is null || _rows != rows)
        {
            Dispose();
            (_recorded, _rows) = (record(rows), rows);
        }
        return _recorded;
    }
}
