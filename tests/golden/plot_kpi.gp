# kpi.gp - Success % and the states of all recipients over virtual time.
# `gnuplot kpi.gp` draws kpi.svg and kpi.png from kpi.tsv; for a terminal:
# gnuplot -e 'text = 1; columns = 100; rows = 30; colour = 0' kpi.gp draws kpi.txt.
if (!exists('text')) text = 0
if (!exists('columns')) columns = 100
if (!exists('rows')) rows = 30
if (!exists('colour')) colour = 0
set encoding utf8
set datafile separator tab
data = 'kpi.tsv'
name = 'efs-five-rows'
subtitle = 'Success % through the five feedback steps  ·  seed 7  ·  4d of virtual time'
band_1 = 'mx1 down'
band_2 = 'it’s `quiet`'
x(seconds) = seconds**0.25
set xrange [0:x(345600.000000)]
set border 3 linecolor rgb '#999999'
set tics nomirror out textcolor rgb '#444444'
unset key
set xtics ('4 d' x(345600.000), '2 d' x(172800.000), '1 d' x(86400.000), '12 h' x(43200.000), '6 h' x(21600.000), '3 h' x(10800.000), '1 h' x(3600.000), '10 min' x(600.000), '1 min' x(60.000), '0' x(0.000))
if (text) {
    if (colour) { set terminal dumb size columns, rows ansi256 }
    if (!colour) { set terminal dumb size columns, rows mono }
    set output 'kpi.txt'
    set title name noenhanced
    set yrange [0:100]
    set ytics 25 format '%g%%'
    set key outside bottom center horizontal noenhanced
    plot data using (x($1)):($2 > 0 ? 100.0 * $7 / $2 : NaN) with lines linecolor rgb '#D55E00' title 'failed', \
        data using (x($1)):($2 > 0 ? 100.0 * $4 / $2 : NaN) with lines linecolor rgb '#56B4E9' title 'waiting', \
        data using (x($1)):8 with lines linecolor rgb '#009E73' title 'success'
    unset output
    exit
}
set grid xtics ytics front linetype 1 linewidth 1 linecolor rgb '#C0707070'
set lmargin at screen 0.085
set rmargin at screen 0.835
do for [kind in 'svg png'] {
    if (kind eq 'svg') { set terminal svg size 1200,760 font 'DejaVu Sans,Helvetica,Arial,sans-serif,14' background '#ffffff' }
    if (kind eq 'png') { set terminal pngcairo size 1200,760 font 'DejaVu Sans,11' background '#ffffff' }
    set output 'kpi.' . kind
    set multiplot
    set label 1 name at screen 0.085, 0.962 left noenhanced font ',18' textcolor rgb '#111111'
    set label 2 subtitle at screen 0.085, 0.922 left noenhanced textcolor rgb '#555555'
    set object 1 rectangle from graph 0.3799, graph 0 to graph 0.4204, graph 1 behind fillcolor rgb '#CC79A7' fillstyle transparent solid 0.18 noborder
    set label 10 band_1 at graph 0.3799, graph 1.045 left noenhanced font ',10' textcolor rgb '#8A4F72'
    set object 2 rectangle from graph 0.8409, graph 0 to graph 0.9306, graph 1 behind fillcolor rgb '#CC79A7' fillstyle transparent solid 0.18 noborder
    set label 11 band_2 at graph 0.9306, graph 1.115 right noenhanced font ',10' textcolor rgb '#8A4F72'
    set label 3 '85.0%' at graph 1.008, first 85.000 left noenhanced font ',16' textcolor rgb '#0072B2'
    set tmargin at screen 0.845
    set bmargin at screen 0.575
    set yrange [0:100]
    set ytics 25 format '%g%%'
    set ylabel 'Success %' textcolor rgb '#444444'
    set xtics ('' x(345600.000), '' x(172800.000), '' x(86400.000), '' x(43200.000), '' x(21600.000), '' x(10800.000), '' x(3600.000), '' x(600.000), '' x(60.000), '' x(0.000))
    plot data using (x($1)):(0):8 with filledcurves fillcolor rgb '#0072B2' fillstyle transparent solid 0.10, \
        data using (x($1)):8 with lines linecolor rgb '#0072B2' linewidth 3
    do for [i = 1:3] { unset label i }
    do for [i = 10:30] { unset label i }
    set label 39 'at the end' at graph 1.012, graph 0.96 left font ',10' textcolor rgb '#777777'
    set object 40 rectangle from graph 1.012, graph 0.015 to graph 1.026, graph 0.125 noclip front fillcolor rgb '#009E73' fillstyle solid 1 noborder
    set label 40 'sent' at graph 1.034, graph 0.100 left noenhanced font ',10' textcolor rgb '#555555'
    set label 50 '850' at graph 1.034, graph 0.040 left noenhanced font ',13' textcolor rgb '#111111'
    set object 41 rectangle from graph 1.012, graph 0.190 to graph 1.026, graph 0.300 noclip front fillcolor rgb '#56B4E9' fillstyle solid 1 noborder
    set label 41 'taken into account' at graph 1.034, graph 0.275 left noenhanced font ',10' textcolor rgb '#555555'
    set label 51 '0' at graph 1.034, graph 0.215 left noenhanced font ',13' textcolor rgb '#AAAAAA'
    set object 42 rectangle from graph 1.012, graph 0.365 to graph 1.026, graph 0.475 noclip front fillcolor rgb '#E69F00' fillstyle solid 1 noborder
    set label 42 'taken, soft bounced' at graph 1.034, graph 0.450 left noenhanced font ',10' textcolor rgb '#555555'
    set label 52 '0' at graph 1.034, graph 0.390 left noenhanced font ',13' textcolor rgb '#AAAAAA'
    set object 43 rectangle from graph 1.012, graph 0.540 to graph 1.026, graph 0.650 noclip front fillcolor rgb '#D55E00' fillstyle solid 1 noborder
    set label 43 'failed' at graph 1.034, graph 0.625 left noenhanced font ',10' textcolor rgb '#555555'
    set label 53 '150' at graph 1.034, graph 0.565 left noenhanced font ',13' textcolor rgb '#111111'
    set object 44 rectangle from graph 1.012, graph 0.715 to graph 1.026, graph 0.825 noclip front fillcolor rgb '#D9D9D9' fillstyle solid 1 noborder
    set label 44 'pending' at graph 1.034, graph 0.800 left noenhanced font ',10' textcolor rgb '#555555'
    set label 54 '0' at graph 1.034, graph 0.740 left noenhanced font ',13' textcolor rgb '#AAAAAA'
    set tmargin at screen 0.530
    set bmargin at screen 0.115
    set yrange [0:1000]
    set ytics ('0' 0, '200' 200, '400' 400, '600' 600, '800' 800, '1,000' 1000)
    set xtics ('4 d' x(345600.000), '2 d' x(172800.000), '1 d' x(86400.000), '12 h' x(43200.000), '6 h' x(21600.000), '3 h' x(10800.000), '1 h' x(3600.000), '10 min' x(600.000), '1 min' x(60.000), '0' x(0.000))
    set ylabel 'recipients' textcolor rgb '#444444'
    set xlabel 'virtual time since the start of the run; earlier times are drawn wider' textcolor rgb '#444444'
    plot data using (x($1)):(0):($6) with filledcurves fillcolor rgb '#009E73' fillstyle solid 1 noborder, \
        data using (x($1)):($6):($6+$4-$5) with filledcurves fillcolor rgb '#56B4E9' fillstyle solid 1 noborder, \
        data using (x($1)):($6+$4-$5):($6+$4) with filledcurves fillcolor rgb '#E69F00' fillstyle solid 1 noborder, \
        data using (x($1)):($6+$4):($6+$4+$7) with filledcurves fillcolor rgb '#D55E00' fillstyle solid 1 noborder, \
        data using (x($1)):($6+$4+$7):($6+$4+$7+$3) with filledcurves fillcolor rgb '#D9D9D9' fillstyle solid 1 noborder
    unset multiplot
    unset output
    unset label
    unset object
    unset xlabel
}
